"""networkx: all_simple_paths, scored in Python."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import networkx as nx

from benchmarks.cases import Case
from benchmarks.peers.base import ByEnumeration


class Peer(ByEnumeration):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal, self.tokens = case.goal, case.tokens
        self.graph = nx.DiGraph()
        self.graph.add_weighted_edges_from(
            zip(case.source.tolist(), case.target.tolist(), case.weight.tolist(), strict=True)
        )

    def paths(self, hops: int) -> Iterator[list[int]]:
        """Every path."""
        for token in self.tokens:
            if token in self.graph:
                yield from nx.all_simple_paths(self.graph, token, self.goal, cutoff=hops)

    def score(self, path: list[int]) -> float:
        """Mean weight."""
        weight: float = nx.path_weight(self.graph, path, "weight")
        return weight / (len(path) - 1)

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        inputs = self.graph.pred[node] if node in self.graph else {}
        return heapq.nsmallest(k, inputs, key=lambda source: -abs(inputs[source]["weight"]))
