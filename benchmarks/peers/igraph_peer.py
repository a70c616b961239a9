"""igraph: get_all_simple_paths in C, scored in Python."""

from __future__ import annotations

import heapq
from itertools import pairwise

import igraph
import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import ByEnumeration


class Peer(ByEnumeration):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal, self.tokens = case.goal, case.tokens
        self.graph = igraph.Graph(case.n, np.stack([case.source, case.target], axis=1), directed=True)
        self.weight: list[float] = case.weight.tolist()

    def paths(self, hops: int) -> list[list[int]]:
        """Every path, all at once: igraph has no iterator over them. Found from the goal back."""
        paths: list[list[int]] = self.graph.get_all_simple_paths(self.goal, self.tokens, maxlen=hops, mode="in")
        return paths

    def score(self, path: list[int]) -> float:
        """Mean weight."""
        back = path[::-1]
        edges: list[int] = self.graph.get_eids(list(pairwise(back)))
        return sum(self.weight[edge] for edge in edges) / len(edges)

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        edges = heapq.nsmallest(k, self.graph.incident(node, "in"), key=lambda edge: -abs(self.weight[edge]))
        return [self.graph.es[edge].source for edge in edges]
