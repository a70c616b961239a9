"""numpy, everything in memory and nothing else to do: the same search, as fast as it can be expected to be."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import HOPS, Case, K
from benchmarks.peers.base import ByNode


class Peer(ByNode):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.case, self.goal = case, case.goal
        self.first = np.searchsorted(case.target, np.arange(case.n + 1))
        self.has_inputs = self.first[1:] > self.first[:-1]
        bound = np.full(case.n, -np.inf)
        bound[case.tokens] = 0.0
        self.bounds = [bound]
        for _ in range(max(HOPS) - 1):
            self.bounds.append(self.fold(np.maximum, case.weight + self.bounds[-1][case.source], -np.inf))

    def fold(self, of: np.ufunc, values: np.ndarray, empty: float) -> np.ndarray:
        """One value for each target."""
        result = np.full(self.case.n, empty, values.dtype)
        result[self.has_inputs] = of.reduceat(values, self.first[:-1][self.has_inputs])
        return result

    def best_paths(self, hops: int) -> list[float]:
        """From the goal back, the k prefixes of which most can come."""
        found: list[float] = []
        for length in range(1, hops + 1):
            node, total = np.array([self.goal]), np.zeros(1)
            for left in range(length - 1, -1, -1):
                rows = [slice(self.first[u], self.first[u + 1]) for u in node.tolist()]
                source = np.concatenate([self.case.source[row] for row in rows])
                sums = np.concatenate([self.case.weight[row] + s for row, s in zip(rows, total.tolist(), strict=True)])
                rank = sums + self.bounds[left][source]
                best = np.argpartition(-rank, K)[:K] if len(rank) > K else np.arange(len(rank))
                best = best[rank[best] > -np.inf]
                node, total = source[best], sums[best]
                if not len(node):
                    break
            found += (total / length).tolist()
        return sorted(found, reverse=True)[:K]

    def count(self, hops: int) -> int:
        """One pass over all edges for each hop; exact while below 2^63."""
        counts = np.zeros(self.case.n, np.int64)
        counts[self.case.tokens] = 1
        total = 0
        for _ in range(hops):
            counts = self.fold(np.add, counts[self.case.source], 0)
            total += int(counts[self.goal])
        return total

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        row = slice(self.first[node], self.first[node + 1])
        order = np.argsort(-np.abs(self.case.weight[row]), kind="stable")
        return [int(source) for source in self.case.source[row][order[:k]]]
