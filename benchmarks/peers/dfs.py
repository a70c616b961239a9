"""The notebook's way: every path by depth-first search in Python, then its score."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from benchmarks.cases import Case, K
from benchmarks.peers.base import ByNode


class Peer(ByNode):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal, self.tokens = case.goal, set(case.tokens)
        self.inputs: list[list[tuple[int, float]]] = [[] for _ in range(case.n)]
        columns = zip(case.target.tolist(), case.source.tolist(), case.weight.tolist(), strict=True)
        for target, source, weight in columns:
            self.inputs[target].append((source, weight))

    def paths(self, hops: int) -> Iterator[list[float]]:
        """Weights of every path."""

        def back(node: int, weights: list[float]) -> Iterator[list[float]]:
            for source, weight in self.inputs[node]:
                longer = [weight, *weights]
                if source in self.tokens:
                    yield longer
                if len(longer) < hops:
                    yield from back(source, longer)

        return back(self.goal, [])

    def best_paths(self, hops: int) -> list[float]:
        """All paths, scored one by one."""
        return heapq.nlargest(K, (sum(weights) / len(weights) for weights in self.paths(hops)))

    def count(self, hops: int) -> int:
        """All paths, counted one by one."""
        return sum(1 for _ in self.paths(hops))

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        return [source for source, _ in heapq.nsmallest(k, self.inputs[node], key=lambda edge: -abs(edge[1]))]
