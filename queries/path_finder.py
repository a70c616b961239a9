"""The best paths of a stored graph, found in its columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from circuit_atlas.graph.best_paths import BestPath, PathFinder
from circuit_atlas.queries.node_rows import rows_at
from circuit_atlas.queries.path_bounds import search_tables

if TYPE_CHECKING:
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import PathSearch


def finder(graph: StoredGraph, search: PathSearch, targets: Sequence[str]) -> Callable[[int], list[dict[str, Any]]]:
    """A function that gives the k best paths as paths.top_k does, by k. In a graph with a cycle, a path may visit a
    node twice.

    Raises:
        InvalidArgumentError: see `search_tables`.
    """
    columns, rules, stages, tables = search_tables(graph, search, targets)
    is_mean = search.score == "mean"
    paths = PathFinder(columns.edges, tables, stages, rules, is_mean, columns.input_sum, min_weight=search.min_weight)
    ends = [columns.ordinal[key] for key in targets]

    def best(k: int) -> list[dict[str, Any]]:
        found = paths.best(ends, k, min_hops=search.min_hops, inhibits=search.sign < 0)
        ordinals = sorted({node for path in found for node in path.nodes})
        nodes = rows_at(graph, ordinals, search.contrast)
        return [
            {
                "nodes": [nodes[node] for node in path.nodes],
                "weights": path.weights,
                "hops": len(path.weights),
                "score": _score(path, search),
            }
            for path in found
        ]

    return best


def _score(path: BestPath, search: PathSearch) -> float:
    if search.score == "product":
        return math.copysign(math.exp(path.value), -1.0 if search.sign < 0 else 1.0)
    return search.order * path.value / (len(path.weights) if search.score == "mean" else 1) + 0.0  # and no -0.0
