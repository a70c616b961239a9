"""Questions about paths: the best ones, the score of given ones, how many there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.nodes import resolve, to_node
from circuit_atlas.queries.path_results import Path, PathCounts, Paths
from circuit_atlas.queries.path_search import Search
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema import limits
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_HOPS, MAX_PATHS, MOST_WALKS

from circuit_atlas.errors import InvalidArgumentError

DEFAULT_HOPS = limits.DEFAULT_HOPS
ORDERS = {"strongest": 1, "inhibiting": -1}

# From the values of a path's edges, their weights, and for each the sum of |weight| of all inputs of its target.
SCORES: dict[str, Callable[[list[float], list[float], list[float]], float]] = {
    "mean": lambda values, _, __: math.fsum(values) / len(values),
    "sum": lambda values, _, __: math.fsum(values),
    "bottleneck": lambda values, _, __: min(values),
    "product": lambda _, weights, sums: math.prod(abs(w) / s for w, s in zip(weights, sums, strict=True)),
}


@dataclass(frozen=True)
class Restrictions:
    """What paths may pass between their ends, and what they must. Empty means anything.

    Args:
        kinds: only nodes of these kinds.
        layers: only nodes in these layers.
        positions: only nodes at these positions.
        avoid: no node of these addresses.
        must_pass: all nodes of these addresses, the ends included.
        min_weight: only edges of at least this |weight|, the first and last included.
    """

    kinds: Iterable[str] = ()
    layers: Iterable[int] = ()
    positions: Iterable[int] = ()
    avoid: Sequence[str] = ()
    must_pass: Sequence[str] = ()
    min_weight: float = 0.0


def search_paths(
    runner: QueryRunner,
    graph: str,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    k: int = 10,
    order: str = "strongest",
    score: str = "mean",
    edge_value: str | None = None,
    restrictions: Restrictions = Restrictions(),
) -> Paths:
    """The k paths of at most `max_hops` hops with the best score, exactly. No path visits a node twice.

    Among equal scores come fewer hops first, then node by node from the target back, in the order of the
    graph's file.

    Args:
        runner: where to ask.
        graph: the graph's name.
        sources: addresses of nodes where paths begin; all tokens when empty.
        targets: addresses of nodes where paths end; the most probable logit when empty.
        max_hops: most edges of a path, 1 to 12.
        k: how many paths, 1 to 10,000.
        order: `strongest` (largest score first) or `inhibiting` (smallest first; for `bottleneck`, the paths
            whose weakest inhibition is strongest; not for `product`).
        score: `mean` of weights (the notebook's), `sum`, `bottleneck` (the weakest link), or `product` of
            normalised weights: |weight| over the sum of |weight| of all inputs of its target, which is
            circuit-tracer's `normalize_matrix`.
        edge_value: a Cypher expression that takes the place of the weight in the score (not for `product`). It
            may use `weight`, `input_sum` (see `product`), and the nodes `source` and `target`.
        restrictions: what paths may pass.

    Raises:
        InvalidArgumentError: an argument is out of range, the graph has no tokens or logits to default to, or it
            holds a cycle around which too many walks lead.
        CypherError: `edge_value` is no Cypher expression.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    _check_search(max_hops, k, order, score, restrictions)
    _check_edge_value(score, edge_value)
    row = find_graph(runner, graph)
    search = Search(
        sources=source_nodes(runner, row, sources),
        score=score,
        sign=ORDERS[order],
        max_hops=max_hops,
        kinds=list(restrictions.kinds),
        layers=list(restrictions.layers),
        positions=list(restrictions.positions),
        avoid=_keys(runner, graph, restrictions.avoid),
        must_pass=_keys(runner, graph, restrictions.must_pass),
        min_weight=restrictions.min_weight,
        edge_value=edge_value,
    )
    rows = _best(runner, row["graph"], search, target_nodes(runner, row, targets), k)
    paths = [_path(row["nodes"], row["weights"], row["score"]) for row in rows]
    return Paths(graph=graph, score=score, paths=paths)


def _best(runner: QueryRunner, graph: StoredGraph, search: Search, targets: list[str], k: int) -> list[dict[str, Any]]:
    question: dict[str, Any] = {
        "graph": graph["name"],
        "targets": targets,
        "max_hops": search.max_hops,
        "sign": search.sign,
        "score": search.score,
        "min_weight": search.min_weight,
        "edge_value": search.edge_value,
    }
    if search.is_restricted:
        from circuit_atlas.queries.path_bounds import bounds_for

        question |= bounds_for(runner, graph, search)
    if graph["acyclic"]:
        return runner.ask("paths.top_k", k=k, **question)
    for walks in sorted({min(4 * k, MOST_WALKS), min(16 * k, MOST_WALKS), MOST_WALKS}):
        rows = runner.ask("paths.top_k", k=walks, **question)
        paths = [row for row in rows if _is_path([node["key"] for node in row["nodes"]], search.must_pass)]
        if len(paths) >= k or len(rows) < walks:
            return paths[:k]
    raise InvalidArgumentError(
        f"{graph['name']!r} holds a cycle, and of the {MOST_WALKS:,} best walks only {len(paths)} visit no node twice",
        fix="Ask for fewer hops or paths, or avoid a node of the cycle.",
    )


def _is_path(keys: list[str], must_pass: list[str]) -> bool:
    return len(set(keys)) == len(keys) and set(must_pass) <= set(keys)


def _keys(runner: QueryRunner, graph: str, addresses: Sequence[str]) -> list[str]:
    return [resolve(runner, graph, address).key for address in addresses]


def _check_edge_value(score: str, edge_value: str | None) -> None:
    if edge_value is not None and score == "product":
        raise InvalidArgumentError(
            "a product is of normalised weights", fix="Ask for mean, sum or bottleneck of edge values."
        )


def _check_search(max_hops: int, k: int, order: str, score: str, restrictions: Restrictions) -> None:
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    check_range("k", k, 1, MAX_PATHS)
    check_choice("order", order, tuple(ORDERS))
    check_choice("score", score, tuple(SCORES))
    for kind in restrictions.kinds:
        check_choice("kind", kind, tuple(Kind))
    if not restrictions.min_weight >= 0.0:
        raise InvalidArgumentError(f"min_weight cannot be {restrictions.min_weight}", fix="It is 0 or more.")
    if score == "product" and order == "inhibiting":
        raise InvalidArgumentError("a product of sizes has no sign", fix="Ask for the strongest, or another score.")


def score_paths(
    runner: QueryRunner,
    graph: str,
    paths: Sequence[Sequence[str]],
    *,
    score: str = "mean",
    edge_value: str | None = None,
) -> Paths:
    """The scores of given paths, in the order given.

    Args:
        runner: where to ask.
        graph: the graph's name.
        paths: paths, each the addresses of its nodes from source to target.
        score: as in `search_paths`.
        edge_value: as in `search_paths`.

    Raises:
        InvalidArgumentError: a path has fewer than two nodes, or a step of it is no direct effect.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    find_graph(runner, graph)
    check_choice("score", score, tuple(SCORES))
    check_range("number of paths", len(paths), 1, MAX_PATHS)
    for path in paths:
        if len(path) < 2:
            raise InvalidArgumentError(f"{' '.join(path)!r} is no path", fix="A path has at least two nodes.")
    keys = [_path_keys(runner, graph, path) for path in paths]
    _check_edge_value(score, edge_value)
    rows = runner.ask("paths.score", edge_value=edge_value, graph=graph, paths=keys)
    return Paths(graph=graph, score=score, paths=[_scored(row, score) for row in rows])


def _path_keys(runner: QueryRunner, graph: str, path: Sequence[str]) -> list[str]:
    prefer = {0: Kind.TOKEN, len(path) - 1: Kind.LOGIT}
    return [resolve(runner, graph, address, prefer=prefer.get(i)).key for i, address in enumerate(path)]


def _scored(row: dict[str, Any], score: str) -> Path:
    weights, nodes = row["weights"], row["nodes"]
    if None in weights:
        step = weights.index(None)
        raise InvalidArgumentError(
            f"there is no direct effect of {nodes[step]['key']} on {nodes[step + 1]['key']}",
            fix=f"`circuit-atlas neighbors GRAPH {nodes[step]['key']}` lists what it acts on.",
        )
    return _path(nodes, weights, SCORES[score](row["values"], weights, row["input_sums"]))


def _path(nodes: list[dict[str, Any]], weights: list[float], score: float) -> Path:
    return Path(score=score, hops=len(weights), nodes=[to_node(node) for node in nodes], weights=weights)


def count_paths(
    runner: QueryRunner,
    graph: str,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
) -> PathCounts:
    """The exact number of paths by number of hops, from 1 to `max_hops`; arguments as in `search_paths`.

    Raises:
        InvalidArgumentError: an argument is out of range, or the graph holds a cycle and has more than a million paths.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    row = find_graph(runner, graph)
    starts, ends = source_nodes(runner, row, sources), target_nodes(runner, row, targets)
    if row["graph"]["acyclic"] and starts is None:
        rows = runner.ask("paths.count", graph=graph, sources=[], targets=ends, max_hops=max_hops)
        counts = [int(row["paths"]) for row in rows]
    else:
        from circuit_atlas.queries.columns import read_columns
        from circuit_atlas.queries.path_columns import count_in_columns

        counts = count_in_columns(read_columns(runner, row["graph"]), starts, ends, max_hops)
    by_hops = {str(hops): number for hops, number in enumerate(counts, 1)}
    return PathCounts(graph=graph, counts=by_hops, total=sum(counts))


def source_nodes(runner: QueryRunner, row: dict[str, Any], addresses: Sequence[str]) -> list[str] | None:
    """Keys of the nodes where paths begin; None for all tokens. `row` is that of `find_graph`."""
    name = row["graph"]["name"]
    if addresses:
        return [resolve(runner, name, address, prefer=Kind.TOKEN).key for address in addresses]
    if not row["graph"]["token_nodes"]:
        raise InvalidArgumentError(f"{name!r} has no tokens to start from", fix="Name the sources with --from.")
    return None


def target_nodes(runner: QueryRunner, row: dict[str, Any], addresses: Sequence[str]) -> list[str]:
    """Keys of the nodes where paths end: those given, or the most probable logit. `row` is that of `find_graph`."""
    name = row["graph"]["name"]
    if addresses:
        return [resolve(runner, name, address, prefer=Kind.LOGIT).key for address in addresses]
    if not row["logits"]:
        raise InvalidArgumentError(f"{name!r} has no logits to end at", fix="Name the targets with --to.")
    return [row["logits"][0]["key"]]
