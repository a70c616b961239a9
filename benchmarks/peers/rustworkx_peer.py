"""rustworkx: all_simple_paths in Rust, scored in Python."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import pairwise

import rustworkx as rx

from benchmarks.cases import Case
from benchmarks.peers.base import ByEnumeration


class Peer(ByEnumeration):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal, self.tokens = case.goal, case.tokens
        self.graph = rx.PyDiGraph(multigraph=False, node_count_hint=case.n, edge_count_hint=len(case.weight))
        self.graph.add_nodes_from(range(case.n))
        self.graph.extend_from_weighted_edge_list(
            list(zip(case.source.tolist(), case.target.tolist(), case.weight.tolist(), strict=True))
        )

    def paths(self, hops: int) -> Iterator[list[int]]:
        """Every path; all of one token at a time."""
        for token in self.tokens:
            yield from rx.all_simple_paths(self.graph, token, self.goal, cutoff=hops + 1)

    def score(self, path: list[int]) -> float:
        """Mean weight."""
        weights: list[float] = [self.graph.get_edge_data(s, t) for s, t in pairwise(path)]
        return sum(weights) / len(weights)

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        edges = heapq.nsmallest(k, self.graph.in_edges(node), key=lambda edge: -abs(edge[2]))
        return [source for source, _, _ in edges]
