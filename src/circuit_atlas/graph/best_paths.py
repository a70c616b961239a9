"""The best paths of a graph in memory: the search of paths.top_k, where what the database stores does not serve.

The search goes backwards from the targets, hop by hop, and keeps the k best prefixes of each length: what
`circuit_atlas.graph.bounds` computes says exactly how good the best path is that continues a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from circuit_atlas.graph.bounds import Semiring
from circuit_atlas.graph.data import Bool, Float64, Int64
from circuit_atlas.graph.packed import THREADS, PackedEdges, is_strong, signed_places
from circuit_atlas.graph.ranges import places_of
from circuit_atlas.graph.stages import Stages
from circuit_atlas.schema.limits import ROUNDING
from circuit_atlas.threads import in_order

_PAIRS = 1 << 17  # prefixes with an input each that are looked at together


class BestPath(NamedTuple):
    """A path: ordinals of its nodes from source to target, weights of its edges, and its value in the semiring."""

    nodes: list[int]
    weights: list[float]
    value: float


class _Prefixes(NamedTuple):
    """Partial paths, written from the target back, the best first; each column is (m,).

    A prefix ends at `node`. Paths of `hops` edges are meant, of which `remaining` are still to be chosen. `stage` is as
    in `circuit_atlas.graph.stages`; `inhibits` is 1 if what remains must inhibit. `value` is that of its edges, and
    `rank` the score of the best path that continues it. `place` orders prefixes by hops, then node by node. A prefix
    continues the prefix `parent` by an edge of weight `weight`; one that was complete continues itself, by NaN.
    """

    node: Int64
    hops: Int64
    remaining: Int64
    stage: Int64
    inhibits: Int64
    value: Float64
    rank: Float64
    place: Int64
    parent: Int64
    weight: Float64

    def at(self, which: Int64) -> _Prefixes:
        return type(self)._make(column[which] for column in self)


class _Inputs(NamedTuple):
    """The inputs by which prefixes (m,) are continued: of each `counts` places from `start` on, in `edge`, which has
    places of edges; or of edges themselves, if that is None."""

    edge: Int64 | None
    start: Int64
    counts: Int64


class _Longer(NamedTuple):
    """Prefixes continued by an edge, (m,): places of prefixes and of edges, -1 for a complete one; the rank, and what
    orders those of the same rank."""

    parent: Int64
    edge: Int64
    rank: Float64
    key: Int64

    def at(self, which: Bool | Int64) -> _Longer:
        return type(self)._make(column[which] for column in self)


class _Best:
    """The k best that were added, by `rank`, then `key`; those below a threshold are never among them."""

    def __init__(self, k: int, threshold: float) -> None:
        self._k, self._rank, self._key = k, threshold, np.iinfo(np.int64).max
        self._parts: list[_Longer] = []
        self._size = 0

    def add(self, found: _Longer) -> None:
        better = (found.rank > self._rank) | ((found.rank == self._rank) & (found.key <= self._key))
        kept = found.at(better & (found.rank > -np.inf))
        self._parts.append(kept)
        self._size += len(kept.rank)
        if self._size > self._k + _PAIRS:
            self._cut()

    def _cut(self) -> _Longer:
        """Leave the k best, in any order, and raise the threshold to the last of them."""
        all_of_them = _Longer(*(np.concatenate(columns) for columns in zip(*self._parts, strict=True)))
        if len(all_of_them.rank) > self._k:
            kth = -np.partition(-all_of_them.rank, self._k - 1)[self._k - 1]
            above, tied = np.flatnonzero(all_of_them.rank > kth), np.flatnonzero(all_of_them.rank == kth)
            first = np.argpartition(all_of_them.key[tied], self._k - len(above) - 1)[: self._k - len(above)]
            self._rank, self._key = float(kth), int(all_of_them.key[tied[first]].max())
            all_of_them = all_of_them.at(np.concatenate([above, tied[first]]))
        self._parts, self._size = [all_of_them], len(all_of_them.rank)
        return all_of_them

    def sorted(self) -> _Longer:
        best = self._cut()
        return best.at(np.lexsort((best.key, -best.rank)))


@dataclass(frozen=True)
class PathFinder:
    """Finds the best paths of a graph of n nodes.

    Args:
        edges: its edges.
        tables: for each stage, float64 (max_hops + 1, n), or (max_hops + 1, 2n) for paths by their sign: what
            `best_values` and `best_through` return.
        stages: the stages, see `circuit_atlas.graph.stages`; `[{}]` if no node must be passed.
        rules: the semiring of the score.
        is_mean: whether paths are ranked by their value divided by their number of edges.
        input_sums: float64 (n,): sum of |weight| over each node's inputs.
        min_weight: smallest |weight| of an edge.
    """

    edges: PackedEdges
    tables: Sequence[Float64]
    stages: Stages
    rules: Semiring
    is_mean: bool
    input_sums: Float64
    min_weight: float = 0.0

    @cached_property
    def _bounds(self) -> Float64:
        """All tables, one number behind the other."""
        return np.concatenate([table.ravel() for table in self.tables])

    @cached_property
    def _largest(self) -> float:
        """The largest |value| of a path in the tables: an effect that the rest of a path takes back is as large."""
        return float(np.abs(self._bounds, where=np.isfinite(self._bounds), out=np.zeros(len(self._bounds))).max())

    @property
    def _is_signed(self) -> bool:
        return bool(self.tables[0].shape[1] > len(self.input_sums))

    def best(self, targets: Sequence[int], k: int, *, min_hops: int, inhibits: bool = False) -> list[BestPath]:
        """The k best paths from where the tables begin, the best first.

        Among equal scores, paths with fewer hops come first; then the ordinals of the nodes decide, node by node from
        the target back. In a graph with a cycle, a path may visit a node twice.

        Args:
            targets: ordinals of the nodes where paths end.
            k: how many.
            min_hops: fewest edges of a path; the tables say how many it has at most.
            inhibits: with tables of paths by their sign: whether those are meant that inhibit the target.
        """
        max_hops = self.tables[0].shape[0] - 1
        levels = [self._starts(targets, range(min_hops, max_hops + 1), inhibits)]
        for _ in range(max_hops):
            levels.append(self._longer(levels[-1], k))
        return _paths(levels)

    def _starts(self, targets: Sequence[int], lengths: Sequence[int], inhibits: bool) -> _Prefixes:
        node = np.tile(np.array(sorted(set(targets)), np.int64), len(lengths))
        hops = np.repeat(np.array(lengths, np.int64), len(set(targets)))
        last = len(self.stages) - 1
        m = len(node)
        return _Prefixes(
            node,
            hops,
            remaining=hops,
            stage=np.array([self.stages[last].get(target, last) for target in node.tolist()], np.int64),
            inhibits=np.full(m, int(inhibits)),
            value=np.full(m, self.rules.start),
            rank=np.full(m, np.inf),
            place=np.arange(m),
            parent=np.full(m, -1),
            weight=np.full(m, np.nan),
        )

    def _longer(self, before: _Prefixes, k: int) -> _Prefixes:
        """The k best of the prefixes that are an edge longer. Complete ones stay, and compete with them."""
        threshold = _threshold(before, k, self._largest)
        found = _Best(k, threshold)
        n = len(self.input_sums)
        done, growing = np.flatnonzero(before.remaining == 0), np.flatnonzero(before.remaining > 0)
        found.add(_Longer(done, np.full(len(done), -1), before.rank[done], before.place[done] * n))
        for longer in self._continued(before, growing, self._inputs_above(threshold, before, growing)):
            found.add(longer)
        return self._prefixes(before, found.sorted())

    def _inputs_above(self, threshold: float, before: _Prefixes, which: Int64) -> _Inputs:
        """The inputs of some prefixes that may lead to a path above the threshold.

        Prefixes at the same node that need the same bounds have the same inputs. An input that does not lead the best
        of them above the threshold leads none of them there, and most do not. Without a threshold, all may.
        """
        if threshold == -np.inf:
            return _Inputs(None, self.edges.start[before.node[which]], self.edges.inputs[before.node[which]])
        _, first, group = np.unique(self._bound_of(before, which), return_index=True, return_inverse=True)
        best = before.at(which[first])
        np.maximum.at(best.value, group, before.value[which])
        everything = _Inputs(None, self.edges.start[best.node], self.edges.inputs[best.node])
        edges, groups = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for longer in self._continued(best, np.arange(len(first)), everything):
            above = longer.rank >= threshold
            edges.append(longer.edge[above])
            groups.append(longer.parent[above])
        counts = np.bincount(np.concatenate(groups), minlength=len(first))
        return _Inputs(np.concatenate(edges), (np.cumsum(counts) - counts)[group], counts[group])

    def _bound_of(self, prefixes: _Prefixes, which: Int64) -> Int64:
        """A number for each of some prefixes, the same for those whose node, stage, sign and hops left are the same."""
        rows = (prefixes.stage * self.tables[0].shape[0] + prefixes.remaining) * 2 + prefixes.inhibits
        number: Int64 = rows * len(self.input_sums) + prefixes.node
        return number[which]

    def _continued(self, before: _Prefixes, prefixes: Int64, inputs: _Inputs) -> Iterator[_Longer]:
        """Some prefixes, each continued by each of its inputs, about `_PAIRS` at a time."""

        def work(part: slice) -> _Longer:
            counts = inputs.counts[part]
            edge = places_of(inputs.start[part], counts)
            return self._by_edges(
                before, np.repeat(prefixes[part], counts), edge if inputs.edge is None else inputs.edge[edge]
            )

        parts = list(_spans(inputs.counts))
        # numpy lets other threads run while it works on arrays.
        return in_order(work, parts, THREADS) if len(parts) > 1 else map(work, parts)

    def _by_edges(self, before: _Prefixes, parent: Int64, edge: Int64) -> _Longer:
        """Prefixes `parent`, (m,), continued by an edge each."""
        n, width = len(self.input_sums), self.tables[0].shape[1]
        if self.min_weight:
            strong = is_strong(self.edges.weight[edge], self.min_weight)
            edge, parent = edge[strong], parent[strong]
        source = self.edges.source[edge].astype(np.int64)
        inhibits = before.inhibits[parent] if self._is_signed else 0
        row = before.stage * self.tables[0].shape[0] + before.remaining - 1
        place = signed_places(source, self.edges.weight[edge], inhibits, n, width)
        bound = self._bounds[row[parent] * width + place]
        rank = self.rules.extend(self._value(before, parent, edge), bound) / self._divisor(before)[parent]
        return _Longer(parent, edge, rank, before.place[parent] * n + source)

    def _value(self, before: _Prefixes, parent: Int64, edge: Int64) -> Float64:
        """The values of prefixes with one more edge."""
        scored = self.edges.weight if self.edges.scored is None else self.edges.scored
        sums = self.input_sums[before.node[parent]] if self.rules.uses_input_sums else None
        value: Float64 = self.rules.extend(before.value[parent], self.rules.step(scored[edge].astype(np.float64), sums))
        return value

    def _divisor(self, prefixes: _Prefixes) -> Any:
        return prefixes.hops if self.is_mean else np.ones(len(prefixes.hops), np.int64)

    def _prefixes(self, before: _Prefixes, longer: _Longer) -> _Prefixes:
        parent, grown = longer.parent, longer.edge >= 0
        edge = longer.edge[grown]
        node, stage, inhibits = before.node[parent], before.stage[parent], before.inhibits[parent]
        value, weight = before.value[parent], np.full(len(parent), np.nan)
        node[grown] = self.edges.source[edge]
        weight[grown] = self.edges.weight[edge]
        value[grown] = self._value(before, parent[grown], edge)
        moves = zip(stage[grown].tolist(), node[grown].tolist(), strict=True)
        stage[grown] = [self.stages[at].get(source, at) for at, source in moves]
        if self._is_signed:
            inhibits ^= weight < 0
        place = np.empty(len(parent), np.int64)
        place[np.argsort(longer.key)] = np.arange(len(parent))
        hops, remaining = before.hops[parent], before.remaining[parent] - grown
        return _Prefixes(node, hops, remaining, stage, inhibits, value, longer.rank, place, parent, weight)


def _spans(counts: Int64) -> Iterator[slice]:
    """Ranges of prefixes that have about `_PAIRS` inputs together, of the number of inputs of each."""
    total = np.cumsum(counts)
    cuts = np.searchsorted(total, np.arange(_PAIRS, counts.sum(), _PAIRS))
    places = np.unique([0, *cuts, len(counts)]).tolist()
    yield from (slice(*pair) for pair in pairwise(places))


def _threshold(prefixes: _Prefixes, k: int, largest: float) -> float:
    """A rank that the k-th path reaches or exceeds: some path that continues a prefix has its rank, up to rounding.

    Args:
        prefixes: the prefixes.
        k: how many paths are meant.
        largest: the largest |value| that is added to that of a prefix.
    """
    if len(prefixes.rank) < k:
        return -np.inf
    kth = float(prefixes.rank[-1])
    margin = ROUNDING * (abs(kth) + float(np.abs(prefixes.value).max()) + largest)
    return kth - margin if np.isfinite(margin) else -np.inf


def _paths(levels: list[_Prefixes]) -> list[BestPath]:
    """The paths that the prefixes of the last level are, which are complete."""
    at = np.arange(len(levels[-1].node))
    backwards: list[tuple[Int64, Float64]] = []  # node and weight of the edge that leads from it, NaN if none does
    for level in reversed(levels):
        backwards.append((level.node[at], level.weight[at]))
        at = level.parent[at]
    nodes, weights = (np.array(column).T.tolist() for column in zip(*backwards, strict=True))
    # A path shorter than others has its source several times in front, without a weight.
    return [
        BestPath(nodes[i][-hops - 1 :], weights[i][-hops - 1 : -1], value)
        for i, (hops, value) in enumerate(zip(levels[-1].hops.tolist(), levels[-1].value.tolist(), strict=True))
    ]
