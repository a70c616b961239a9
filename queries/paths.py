"""Queries about paths: the best paths, and the scores of given ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from shlex import quote
from typing import Any

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.aggregates import is_aggregate
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.contrast import contrast_of
from circuit_atlas.queries.edge_value import EdgeValue, parse_edge_value
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.node_rows import titled, to_node
from circuit_atlas.queries.path_notes import notes_on_restrictions, why_none
from circuit_atlas.queries.path_results import AggregatedPath, Path, Paths
from circuit_atlas.queries.path_search import PathSearch, path_search, target_nodes
from circuit_atlas.queries.stored_tables import BOUNDS, has_tables
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_PATHS, MAX_WALKS, ORDERS, SCORES, SIGNS

_Found = tuple[list[dict[str, Any]], list[float], float]  # rows of nodes, weights and score of a path
_MANY = 300  # walks
_SCORED = 1_000  # paths at a time

# From the values of a path's edges, their weights, and for each the sum of |weight| of all inputs of its target.
SCORE_OF: dict[str, Callable[[list[float], list[float], list[float]], float]] = {
    "mean": lambda values, _, __: math.fsum(values) / len(values),
    "sum": lambda values, _, __: math.fsum(values),
    "bottleneck": lambda values, _, __: min(values),
    "product": lambda _, weights, sums: math.prod(abs(w) / s for w, s in zip(weights, sums, strict=True)),
}


@graph_query
def search_paths(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = 1,
    hops: int | None = None,
    k: int = 10,
    order: str = "strongest",
    score: str = "mean",
    sign: str = "any",
    edge_value: str | None = None,
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
    avoid: Sequence[str] = (),
    must_pass: Sequence[str] = (),
    must_pass_any: Sequence[str] = (),
    min_weight: float = 0.0,
    circuit: str | None = None,
) -> Paths:
    """The k paths of at most `max_hops` hops with the best score, exactly. No path visits a node twice.

    Among equal scores, paths with fewer hops come first; then the order of nodes in the graph's file decides, node by
    node from the target back.

    Args:
        graph: the graph.
        sources: addresses of nodes where paths begin; all tokens when empty.
        targets: addresses of nodes where paths end; the most probable logit when empty.
        minus: addresses of nodes that are subtracted: paths end at the sum of the targets without these, which is not
            stored. The effect on it is exact, see `circuit_atlas.graph.contrast`.
        weights: weights of targets in that sum, by address; 1 for the others.
        max_hops: most edges of a path, 1 to 12.
        min_hops: fewest edges of a path.
        hops: exactly this many edges, instead of `min_hops` and `max_hops`.
        k: how many paths, 1 to 10,000.
        order: `strongest` (largest score first) or `inhibiting` (smallest first; for `bottleneck`, the paths
            whose weakest inhibition is strongest; not with `product`, which has `sign`).
        score: `mean` of weights (as in circuit-tracer's notebook), `sum`, `bottleneck` (the weakest link), or `product`
            of normalised weights: weight over the sum of |weight| of all inputs of its target, in circuit-tracer's
            `normalize_matrix` |weight|.
        sign: which paths: `promoting` (an even number of their weights is negative, so that more of the source means
            more of the target), `inhibiting` (an odd number), or `any`. The `product` of paths of `any` sign is its
            size; else it has the path's sign, and the largest size comes first.
        edge_value: an expression that takes the place of the weight in the score (not for `product`). It may use
            `weight`, `input_sum` (see `product`), and the numbers and kinds of the nodes `source` and `target`; see
            `circuit_atlas.queries.edge_value`.
        kinds: pass only nodes of these kinds between the ends; any kind when empty.
        layers: pass only nodes in these layers between the ends; any layer when empty.
        positions: pass only nodes at these positions between the ends; any position when empty. -1 is the last one.
        avoid: addresses of nodes that no path may visit. No path begins at a token that is avoided.
        must_pass: addresses of nodes that every path must pass, the ends included. Between the ends, they obey the
            other restrictions. A feature without a position, such as `20/44686`, is any of its activations, also in
            `avoid` and `must_pass_any`.
        must_pass_any: addresses of nodes of which every path must pass at least one, the ends included.
        min_weight: follow only edges of at least this |weight|, the first and last included.
        circuit: name of a circuit: paths pass only its nodes, tokens and logits between the ends.

    Raises:
        InvalidArgumentError: an argument is out of range, the graph has no tokens or logits to default to, or it
            has a cycle with too many walks around it; a node to pass is excluded by the other restrictions;
            `edge_value` is not such an expression; or see `contrast_of`.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_range("k", k, 1, MAX_PATHS)
    check_choice("order", order, tuple(ORDERS))
    check_choice("score", score, SCORES)
    if score == "product" and order == "inhibiting":
        raise InvalidArgumentError(
            "the order `inhibiting` is not supported with the score `product`",
            fix="Ask for the sign `inhibiting` (--sign inhibiting), or for another score.",
        )
    contrast = contrast_of(graph, targets, minus, weights)
    search = path_search(
        graph,
        sources=sources,
        max_hops=max_hops,
        min_hops=min_hops,
        hops=hops,
        sign=sign,
        kinds=kinds,
        layers=layers,
        positions=positions,
        avoid=avoid,
        must_pass=must_pass,
        must_pass_any=must_pass_any,
        min_weight=min_weight,
        circuit=circuit,
        score=score,
        order=ORDERS[order],
        edge_value=_read_edge_value(score, edge_value),
        contrast=contrast,
    )
    ends = target_nodes(graph, targets, avoid=search.avoid) if contrast is None else [contrast.node.key]
    rows = best_rows(graph, search, ends, k)
    paths = _paths(graph, ((row["nodes"], row["weights"], row["score"]) for row in rows))
    notes = [] if paths else [why_none(graph, search, ends, (sources, targets))]
    notes += notes_on_restrictions(graph, search)
    found = Paths(graph=graph.name, score=score, sign=sign, paths=paths, contrast=contrast, notes=notes)
    # Products of inhibiting paths are negative, the strongest first.
    found._is_smallest_first = ORDERS[order] < 0 or (score == "product" and SIGNS[sign] < 0)
    return found


def best_rows(graph: StoredGraph, search: PathSearch, targets: list[str], k: int) -> list[dict[str, Any]]:
    """The k best of the paths that a search means, none of which visits a node twice, as rows of paths.top_k."""
    best = _best_walks(graph, search, targets)
    if graph.properties["acyclic"]:
        return best(k)
    for walks in sorted({min(4 * k, MAX_WALKS), min(16 * k, MAX_WALKS), MAX_WALKS}):
        rows = best(walks)
        paths = [row for row in rows if _is_path([node["key"] for node in row["nodes"]])]
        if len(paths) >= k or len(rows) < walks:
            return paths[:k]
    raise InvalidArgumentError(
        f"the graph has a cycle, and only {len(paths)} of the {MAX_WALKS:,} best walks visit no node twice",
        where=graph.name,
        fix="Ask for fewer hops or paths, or avoid a node of the cycle.",
    )


def _best_walks(graph: StoredGraph, search: PathSearch, targets: list[str]) -> Callable[[int], list[dict[str, Any]]]:
    """A function that gives the best walks, as many as it is asked for.

    If the bounds made at ingest apply, paths.top_k searches in the database. Otherwise the search runs on the graph's
    columns, with bounds computed for this question. It does so for many walks, too: shortlists cover only the first few
    hundred, and beyond those paths.top_k reads thousands of relationships, one after the other.
    """
    is_stored = not search.needs_bounds and has_tables(graph, BOUNDS)

    @cache
    def in_columns() -> Callable[[int], list[dict[str, Any]]]:
        from circuit_atlas.queries.path_finder import finder

        return finder(graph, search, targets)

    def best(walks: int) -> list[dict[str, Any]]:
        if walks > _MANY or not is_stored:
            return in_columns()(walks)
        return ask(
            graph.database,
            "paths.top_k",
            graph=graph.name,
            targets=targets,
            min_hops=search.min_hops,
            max_hops=search.max_hops,
            k=walks,
            order=search.order,
            score=search.score,
        )

    return best


def _is_path(keys: list[str]) -> bool:
    return len(set(keys)) == len(keys)


def _read_edge_value(score: str, edge_value: str | None) -> EdgeValue | None:
    if edge_value is None:
        return None
    if score == "product":
        raise InvalidArgumentError(
            "`edge_value` is not supported with the score `product`", fix="Ask for mean, sum or bottleneck."
        )
    return parse_edge_value(edge_value)


@graph_query
def score_paths(
    graph: StoredGraph,
    *paths: Sequence[str],
    score: str = "mean",
    edge_value: str | None = None,
) -> Paths:
    """The scores of given paths, in the order given.

    Args:
        graph: the graph.
        paths: paths, each the addresses of its nodes from source to target.
        score: as in `search_paths` with the order `strongest`: `bottleneck` is the smallest weight.
        edge_value: as in `search_paths`.

    Raises:
        InvalidArgumentError: a path has fewer than two nodes, or two of its nodes have no direct effect.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_choice("score", score, SCORES)
    check_range("number of paths", len(paths), 1, MAX_PATHS)
    for path in paths:
        if len(path) < 2:
            raise InvalidArgumentError(f"not a path: {' '.join(path)!r}", fix="A path has at least two nodes.")
    keys = [_path_keys(graph, path) for path in paths]
    value = _read_edge_value(score, edge_value)
    rows = ask(graph.database, "paths.score", edge_value=value, graph=graph.name, paths=keys)
    found = [_scored(row, score, value) for row in rows]
    return Paths(graph=graph.name, score=score, paths=_paths(graph, found, [row["graphs"] for row in rows]))


def _path_keys(graph: StoredGraph, path: Sequence[str]) -> list[str]:
    prefer = {0: Kind.TOKEN, len(path) - 1: Kind.LOGIT}
    return [resolve(graph, address, prefer=prefer.get(i)).key for i, address in enumerate(path)]


def _scored(row: dict[str, Any], score: str, value: EdgeValue | None) -> _Found:
    weights, nodes = row["weights"], row["nodes"]
    if None in weights:
        step = weights.index(None)
        raise InvalidArgumentError(
            f"no direct effect of {nodes[step]['key']} on {nodes[step + 1]['key']}",
            fix=f"`circuit-atlas neighbors GRAPH {quote(nodes[step]['key'])}` lists its effects.",
        )
    if value is not None:
        value.check(row["values"])
    return nodes, weights, SCORE_OF[score](row["values"], weights, row["input_sums"])


def _paths(
    graph: StoredGraph, found: Iterable[_Found], graphs: Sequence[list[int | None]] | None = None
) -> Sequence[Path]:
    """Paths for an answer. Those of an aggregate have the numbers of `graphs`, which are read if they are not known."""
    found = list(found)
    rows = {row["key"]: row for nodes, _, _ in found for row in nodes}
    node = titled(graph.database, ((graph.name, to_node(row)) for row in rows.values()))
    paths = [
        Path(score=score, hops=len(weights), nodes=[node[graph.name, row["key"]] for row in nodes], weights=weights)
        for nodes, weights, score in found
    ]
    if not is_aggregate(graph.properties) or graph.properties.get("collapsed_from"):  # which has other effects
        return paths
    if graphs is None:
        keys = [[one.key for one in path.nodes] for path in paths]
        parts = (ask(graph.database, "paths.score", graph=graph.name, paths=part) for part in batches(keys, _SCORED))
        graphs = [row["graphs"] for rows in parts for row in rows]
    return [AggregatedPath(**dict(path), graphs=counts) for path, counts in zip(paths, graphs, strict=True)]
