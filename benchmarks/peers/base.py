"""What several peers do alike."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Iterable

from benchmarks.cases import STRONGEST, K


class ByNode(ABC):
    """Answers about neighbours from the strongest inputs of one node."""

    goal: int

    @abstractmethod
    def strongest(self, node: int, k: int) -> list[int]:
        """The k inputs of a node with the largest |weight|."""

    def neighbors(self) -> list[int]:
        """Those of the goal."""
        return self.strongest(self.goal, K)

    def subgraph(self) -> set[tuple[int, int]]:
        """Level by level."""
        edges: set[tuple[int, int]] = set()
        level, seen = {self.goal}, {self.goal}
        for _ in range(3):
            found = {(source, node) for node in level for source in self.strongest(node, STRONGEST)}
            edges |= found
            level = {source for source, _ in found} - seen
            seen |= level
        return edges


class ByEnumeration(ByNode):
    """Lists all paths to answer anything about them."""

    @abstractmethod
    def paths(self, hops: int) -> Iterable[list[int]]:
        """Every path of at most that many hops."""

    @abstractmethod
    def score(self, path: list[int]) -> float:
        """Mean weight of a path."""

    def best_paths(self, hops: int) -> list[float]:
        """All paths, scored one by one."""
        return heapq.nlargest(K, map(self.score, self.paths(hops)))

    def count(self, hops: int) -> int:
        """All paths, counted one by one."""
        return sum(1 for _ in self.paths(hops))
