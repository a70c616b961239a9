"""Questions about paths: the best ones, the score of given ones, how many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from circuit_atlas.errors import QuestionError
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.graph_questions import find_graph
from circuit_atlas.queries.node_questions import resolve, to_node
from circuit_atlas.queries.results import Path, PathCounts, Paths
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_HOPS, MAX_PATHS

DEFAULT_HOPS = 4
_ORDERS = {"strongest": 1, "inhibiting": -1}


def search_paths(
    runner: QueryRunner,
    graph: str,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    k: int = 10,
    order: str = "strongest",
) -> Paths:
    """The k paths of at most `max_hops` hops with the largest mean weight, exactly.

    The score of a path is the mean of its weights, as in the notebook this replaces. Among equal scores
    come fewer hops first, then node by node from the target back, in the order of the graph's file.

    Args:
        runner: where to ask.
        graph: the graph's name.
        sources: addresses of nodes where paths begin; all tokens when empty.
        targets: addresses of nodes where paths end; the most probable logit when empty.
        max_hops: most edges of a path, 1 to 12.
        k: how many paths, 1 to 10,000.
        order: `strongest`, or `inhibiting` for the smallest mean weights first.

    Raises:
        QuestionError: an argument is out of range, the graph has no tokens or logits to default to, or it
            holds a cycle.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    check_range("k", k, 1, MAX_PATHS)
    check_choice("order", order, tuple(_ORDERS))
    stored = find_graph(runner, graph)["graph"]
    if not stored["acyclic"]:
        raise QuestionError(f"{graph!r} holds a cycle, and paths are searched in graphs without one")
    source_keys = source_nodes(runner, graph, sources)
    target_keys = target_nodes(runner, graph, targets)
    sign = _ORDERS[order]
    bounds = None
    if sources:
        bounds = _bounds(runner, graph, source_keys, max_hops, sign, stored["nodes"])
    rows = runner.ask(
        "paths.top_k",
        graph=graph,
        targets=target_keys,
        max_hops=max_hops,
        k=k,
        sign=sign,
        bounds=bounds,
    )
    paths = [
        Path(
            score=row["score"],
            hops=row["hops"],
            nodes=[to_node(node) for node in row["nodes"]],
            weights=row["weights"],
        )
        for row in rows
    ]
    return Paths(graph=graph, score="mean", paths=paths)


def _bounds(runner: QueryRunner, graph: str, sources: list[str], max_hops: int, sign: int, n: int) -> list[list[float]]:
    rows = runner.ask("paths.bounds", graph=graph, sources=sources, max_hops=max_hops, sign=sign)
    levels = [[-math.inf] * n for _ in rows]
    for level, row in zip(levels, rows, strict=True):
        for ordinal, largest in zip(row["ordinals"], row["sums"], strict=True):
            level[ordinal] = largest
    return levels


def score_paths(runner: QueryRunner, graph: str, paths: Sequence[Sequence[str]]) -> Paths:
    """The scores of given paths, in the order given.

    Args:
        runner: where to ask.
        graph: the graph's name.
        paths: paths, each the addresses of its nodes from source to target.

    Raises:
        QuestionError: a path has fewer than two nodes, or a step of it is no direct effect.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    find_graph(runner, graph)
    check_range("number of paths", len(paths), 1, MAX_PATHS)
    for path in paths:
        if len(path) < 2:
            raise QuestionError(f"{' '.join(path)!r} is no path", fix="A path has at least two nodes.")
    keys = [_path_keys(runner, graph, path) for path in paths]
    rows = runner.ask("paths.score", graph=graph, paths=keys)
    return Paths(graph=graph, score="mean", paths=[_scored(row["nodes"], row["weights"]) for row in rows])


def _path_keys(runner: QueryRunner, graph: str, path: Sequence[str]) -> list[str]:
    prefer = {0: Kind.TOKEN, len(path) - 1: Kind.LOGIT}
    return [resolve(runner, graph, address, prefer=prefer.get(i)).key for i, address in enumerate(path)]


def _scored(nodes: list[dict[str, object]], weights: list[float | None]) -> Path:
    path = [to_node(node) for node in nodes]
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights):
        step = weights.index(None)
        raise QuestionError(
            f"there is no direct effect of {path[step].key} on {path[step + 1].key}",
            fix=f"`circuit-atlas neighbors GRAPH {path[step].key}` lists what it acts on.",
        )
    return Path(score=math.fsum(known) / len(known), hops=len(known), nodes=path, weights=known)


def count_paths(
    runner: QueryRunner,
    graph: str,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
) -> PathCounts:
    """The exact number of paths by number of hops, from 1 to `max_hops`; arguments as in `search_paths`."""
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    find_graph(runner, graph)
    rows = runner.ask(
        "paths.count",
        graph=graph,
        sources=source_nodes(runner, graph, sources),
        targets=target_nodes(runner, graph, targets),
        max_hops=max_hops,
    )
    counts = {str(row["hops"]): int(row["paths"]) for row in rows}
    return PathCounts(graph=graph, counts=counts, total=sum(counts.values()))


def source_nodes(runner: QueryRunner, graph: str, addresses: Sequence[str]) -> list[str]:
    """Keys of the nodes where paths begin: those given, or all tokens."""
    if addresses:
        return [resolve(runner, graph, address, prefer=Kind.TOKEN).key for address in addresses]
    tokens = [row["key"] for row in runner.ask("nodes.tokens", graph=graph)]
    if not tokens:
        raise QuestionError(f"{graph!r} has no tokens to start from", fix="Name the sources with --from.")
    return tokens


def target_nodes(runner: QueryRunner, graph: str, addresses: Sequence[str]) -> list[str]:
    """Keys of the nodes where paths end: those given, or the most probable logit."""
    if addresses:
        return [resolve(runner, graph, address, prefer=Kind.LOGIT).key for address in addresses]
    logits = find_graph(runner, graph)["logits"]
    if not logits:
        raise QuestionError(f"{graph!r} has no logits to end at", fix="Name the targets with --to.")
    return [logits[0]["key"]]
