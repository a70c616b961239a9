"""Queries about paths: the best paths, the scores of given paths, the number of paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_range
from circuit_atlas.queries.edge_value import EdgeValue, parse_edge_value
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.nodes import resolve, to_node
from circuit_atlas.queries.path_notes import longer_paths, why_none
from circuit_atlas.queries.path_results import Path, PathCounts, Paths
from circuit_atlas.queries.path_search import PathSearch
from circuit_atlas.queries.stored_tables import BOUNDS, COUNTS, has_tables
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_HOPS, MAX_PATHS, MAX_WALKS

ORDERS = {"strongest": 1, "inhibiting": -1}

# From the values of a path's edges, their weights, and for each the sum of |weight| of all inputs of its target.
SCORES: dict[str, Callable[[list[float], list[float], list[float]], float]] = {
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
    max_hops: int = DEFAULT_HOPS,
    k: int = 10,
    order: str = "strongest",
    score: str = "mean",
    edge_value: str | None = None,
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
    avoid: Sequence[str] = (),
    must_pass: Sequence[str] = (),
    min_weight: float = 0.0,
) -> Paths:
    """The k paths of at most `max_hops` hops with the best score, exactly. No path visits a node twice.

    Among equal scores come fewer hops first, then node by node from the target back, in the order of the
    graph's file.

    Args:
        graph: the graph.
        sources: addresses of nodes where paths begin; all tokens when empty.
        targets: addresses of nodes where paths end; the most probable logit when empty.
        max_hops: most edges of a path, 1 to 12.
        k: how many paths, 1 to 10,000.
        order: `strongest` (largest score first) or `inhibiting` (smallest first; for `bottleneck`, the paths
            whose weakest inhibition is strongest; not with `product`).
        score: `mean` of weights (the notebook's), `sum`, `bottleneck` (the weakest link), or `product` of
            normalised weights: |weight| over the sum of |weight| of all inputs of its target, which is
            circuit-tracer's `normalize_matrix`.
        edge_value: an expression that takes the place of the weight in the score (not for `product`). It may use
            `weight`, `input_sum` (see `product`), and the numbers and kinds of the nodes `source` and `target`; see
            `circuit_atlas.queries.edge_value`.
        kinds: pass only nodes of these kinds between the ends; any kind when empty.
        layers: pass only nodes in these layers between the ends; any layer when empty.
        positions: pass only nodes at these positions between the ends; any position when empty.
        avoid: addresses of nodes that no path may pass between its ends.
        must_pass: addresses of nodes that every path must pass, the ends included. Between the ends, they obey the
            other restrictions.
        min_weight: follow only edges of at least this |weight|, the first and last included.

    Raises:
        InvalidArgumentError: an argument is out of range, the graph has no tokens or logits to default to, or it
            has a cycle with too many walks around it; a node to pass is excluded by the other restrictions; or
            `edge_value` is not such an expression.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    kinds = list(kinds)
    _check_search(max_hops, k, order, score, kinds, min_weight)
    value = _read_edge_value(score, edge_value)
    search = PathSearch(
        sources=source_nodes(graph, sources),
        score=score,
        sign=ORDERS[order],
        max_hops=max_hops,
        kinds=kinds,
        layers=list(layers),
        positions=list(positions),
        avoid=_keys(graph, avoid),
        must_pass=_keys(graph, must_pass),
        min_weight=min_weight,
        edge_value=value,
    )
    ends = target_nodes(graph, targets)
    rows = _best(graph, search, ends, k)
    paths = [_path(row["nodes"], row["weights"], row["score"]) for row in rows]
    asked, restricted = (sources, targets), search.is_restricted
    notes = [] if paths else [why_none(graph, search.sources, ends, max_hops, asked, restricted=restricted)]
    return Paths(graph=graph.name, score=score, paths=paths, notes=notes)


def _best(graph: StoredGraph, search: PathSearch, targets: list[str], k: int) -> list[dict[str, Any]]:
    question: dict[str, Any] = {
        "graph": graph.name,
        "targets": targets,
        "max_hops": search.max_hops,
        "sign": search.sign,
        "score": search.score,
        "min_weight": search.min_weight,
        "edge_value": search.edge_value,
    }
    if search.is_restricted or not has_tables(graph, BOUNDS):
        from circuit_atlas.queries.path_bounds import bounds_for

        question |= bounds_for(graph, search, targets)
    if graph.properties["acyclic"]:
        return ask(graph.database, "paths.top_k", k=k, **question)
    for walks in sorted({min(4 * k, MAX_WALKS), min(16 * k, MAX_WALKS), MAX_WALKS}):
        rows = ask(graph.database, "paths.top_k", k=walks, **question)
        paths = [row for row in rows if _is_path([node["key"] for node in row["nodes"]], search.must_pass)]
        if len(paths) >= k or len(rows) < walks:
            return paths[:k]
    raise InvalidArgumentError(
        f"the graph has a cycle, and only {len(paths)} of the {MAX_WALKS:,} best walks visit no node twice",
        where=graph.name,
        fix="Ask for fewer hops or paths, or avoid a node of the cycle.",
    )


def _is_path(keys: list[str], must_pass: list[str]) -> bool:
    return len(set(keys)) == len(keys) and set(must_pass) <= set(keys)


def _keys(graph: StoredGraph, addresses: Sequence[str]) -> list[str]:
    return [resolve(graph, address).key for address in addresses]


def _read_edge_value(score: str, edge_value: str | None) -> EdgeValue | None:
    if edge_value is None:
        return None
    if score == "product":
        raise InvalidArgumentError(
            "`edge_value` is not supported with the score `product`", fix="Ask for mean, sum or bottleneck."
        )
    return parse_edge_value(edge_value)


def _check_search(max_hops: int, k: int, order: str, score: str, kinds: list[str], min_weight: float) -> None:
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    check_range("k", k, 1, MAX_PATHS)
    check_choice("order", order, tuple(ORDERS))
    check_choice("score", score, tuple(SCORES))
    check_kinds(kinds)
    if not min_weight >= 0.0:
        raise InvalidArgumentError(f"min_weight cannot be {min_weight}", fix="It is 0 or more.")
    if score == "product" and order == "inhibiting":
        raise InvalidArgumentError(
            "`inhibiting` is not supported with the score `product`", fix="Ask for `strongest`, or another score."
        )


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
        score: as in `search_paths`.
        edge_value: as in `search_paths`.

    Raises:
        InvalidArgumentError: a path has fewer than two nodes, or two of its nodes have no direct effect.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_choice("score", score, tuple(SCORES))
    check_range("number of paths", len(paths), 1, MAX_PATHS)
    for path in paths:
        if len(path) < 2:
            raise InvalidArgumentError(f"not a path: {' '.join(path)!r}", fix="A path has at least two nodes.")
    keys = [_path_keys(graph, path) for path in paths]
    value = _read_edge_value(score, edge_value)
    rows = ask(graph.database, "paths.score", edge_value=value, graph=graph.name, paths=keys)
    return Paths(graph=graph.name, score=score, paths=[_scored(row, score, value) for row in rows])


def _path_keys(graph: StoredGraph, path: Sequence[str]) -> list[str]:
    prefer = {0: Kind.TOKEN, len(path) - 1: Kind.LOGIT}
    return [resolve(graph, address, prefer=prefer.get(i)).key for i, address in enumerate(path)]


def _scored(row: dict[str, Any], score: str, value: EdgeValue | None) -> Path:
    weights, nodes = row["weights"], row["nodes"]
    if None in weights:
        step = weights.index(None)
        raise InvalidArgumentError(
            f"no direct effect of {nodes[step]['key']} on {nodes[step + 1]['key']}",
            fix=f"`circuit-atlas neighbors GRAPH {nodes[step]['key']}` lists its effects.",
        )
    if value is not None:
        value.check(row["values"])
    return _path(nodes, weights, SCORES[score](row["values"], weights, row["input_sums"]))


def _path(nodes: list[dict[str, Any]], weights: list[float], score: float) -> Path:
    return Path(score=score, hops=len(weights), nodes=[to_node(node) for node in nodes], weights=weights)


@graph_query
def count_paths(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
) -> PathCounts:
    """The exact number of paths by number of hops, from 1 to `max_hops`; arguments as in `search_paths`.

    Raises:
        InvalidArgumentError: an argument is out of range, or the graph has a cycle and too many paths to enumerate.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    starts, ends = source_nodes(graph, sources), target_nodes(graph, targets)
    if graph.properties["acyclic"] and starts is None and has_tables(graph, COUNTS):
        rows = ask(graph.database, "paths.count", graph=graph.name, sources=[], targets=ends, max_hops=max_hops)
        counts = [int(row["paths"]) for row in rows]
    else:
        from circuit_atlas.queries.path_arrays import count_in_arrays
        from circuit_atlas.queries.stored_arrays import read_arrays

        counts = count_in_arrays(read_arrays(graph), starts, ends, max_hops)
    by_hops = {str(hops): number for hops, number in enumerate(counts, 1)}
    notes = longer_paths(graph, starts, ends, max_hops, (sources, targets), counts)
    return PathCounts(graph=graph.name, counts=by_hops, total=sum(counts), notes=notes)


def source_nodes(graph: StoredGraph, addresses: Sequence[str]) -> list[str] | None:
    """Keys of the nodes where paths begin; None for all tokens."""
    if addresses:
        return [resolve(graph, address, prefer=Kind.TOKEN).key for address in addresses]
    if not graph.properties["token_nodes"]:
        raise InvalidArgumentError(
            "the graph has no tokens to start from", where=graph.name, fix="Name sources (--from)."
        )
    return None


def target_nodes(graph: StoredGraph, addresses: Sequence[str]) -> list[str]:
    """Keys of the nodes where paths end: those given, or the most probable logit."""
    if addresses:
        return [resolve(graph, address, prefer=Kind.LOGIT).key for address in addresses]
    if not graph.logits:
        raise InvalidArgumentError("the graph has no logits to end at", where=graph.name, fix="Name targets (--to).")
    return [graph.logits[0]["key"]]
