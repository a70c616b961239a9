"""The recurrence behind path search: the best value of any path of exactly j hops from given starts to each node.

`best[j][t] = max over sources s of extend(best[j - 1][s], step(s, t))`: a product with the adjacency matrix per
hop, in one of several semirings. It does not depend on where paths end, so one table serves every target. Beside
it, each node with many inputs gets a shortlist of those that lead the best paths, so that a search for a few
paths need not look at the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import EdgeBlock, Edges, Float64, Int32
from circuit_atlas.schema.limits import MAX_HOPS, SHORTLIST_FROM, SHORTLISTED_PATHS

_BLOCK = 1 << 20
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Semiring:
    """How values grow along a path: `extend(value, step)`, from `start`; the larger value is the better one.

    `step(weights, input_sums)` is the value of edges, from their weights and the sums of |weight| of all inputs
    of their targets. `extend` is monotone, which makes the recurrence exact.
    """

    step: Callable[[Float64, Float64], Float64]
    extend: np.ufunc = np.add
    start: float = 0.0


def semiring(score: str, sign: int) -> Semiring:
    """That of a score: `mean` and `sum` add weights, `bottleneck` takes the weakest, `product` multiplies
    normalised ones. With `sign` -1 weights are negated: the best path is the most inhibiting."""
    if score == "product":
        return Semiring(lambda weights, sums: np.log(np.abs(weights) / sums))
    if score == "bottleneck":
        return Semiring(lambda weights, _: sign * weights, np.minimum, np.inf)
    return Semiring(lambda weights, _: sign * weights)


class Shortlist(NamedTuple):
    """Inputs of node `ordinal` that lead the best SHORTLISTED_PATHS paths of every number of hops.

    `floors[j]` is the best value of a path of j + 1 hops through an input that is not listed.
    """

    ordinal: int
    sources: Int32
    weights: Float64
    floors: Float64


class Shortlists:
    """Shortlists, one behind the other in few arrays: thousands of small ones would break the heap into pieces."""

    def __init__(self) -> None:
        self._columns: tuple[npt.NDArray[Any], ...] = (np.zeros(0, np.int32), np.zeros(0))
        self._ends: list[int] = [0]
        self._ordinals: list[int] = []
        self._floors: list[float] = []

    def add(self, ordinal: int, sources: Int32, weights: Float64, floors: Float64) -> None:
        """Take in one; see `Shortlist`."""
        start, stop = self._ends[-1], self._ends[-1] + len(sources)
        if stop > len(self._columns[0]):
            self._columns = tuple(_resized(column, 2 * stop + (1 << 18)) for column in self._columns)
        for column, values in zip(self._columns, (sources, weights), strict=True):
            column[start:stop] = values
        self._ends.append(stop)
        self._ordinals.append(ordinal)
        self._floors.extend(floors.tolist())

    def __len__(self) -> int:
        return len(self._ordinals)

    def __iter__(self) -> Iterator[Shortlist]:
        floors = np.array(self._floors).reshape(len(self), len(self._floors) // max(1, len(self)))
        sources, weights = self._columns
        for i, ordinal in enumerate(self._ordinals):
            listed = slice(self._ends[i], self._ends[i + 1])
            yield Shortlist(ordinal, sources[listed], weights[listed], floors[i])


def _resized(column: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    larger = np.empty(size, column.dtype)
    larger[: len(column)] = column
    return larger


@dataclass(frozen=True)
class PathTables:
    """`best[j, v]`, float64 (hops + 1, n): the best value of a path of exactly j hops to v that can be passed
    on from there, -inf where there is none. Rows end with the longest path."""

    best: Float64
    shortlists: Shortlists = field(default_factory=Shortlists)


def path_tables(
    edges: Edges,
    order: Int32 | None,
    starts: Float64,
    rules: Semiring,
    *,
    input_sums: Float64,
    hops: int = MAX_HOPS,
    passable: Bool | None = None,
    min_weight: float = 0.0,
    shortlists: bool = False,
) -> PathTables:
    """The tables of a graph of n nodes.

    Args:
        edges: its edges.
        order: its nodes with inputs before what they act on (see `topological_order`); None for a cyclic
            graph, whose paths may then visit a node twice.
        starts: float64 (hops + 1, n): values of paths that begin at a node, having come j hops; -inf where none.
        rules: of the score.
        input_sums: float64 (n,): sum of |weight| of each node's inputs.
        hops: most edges of a path.
        passable: bool (n,): nodes that a path may pass; all when None.
        min_weight: smallest |weight| of an edge.
        shortlists: whether to make them, which needs `order`.
    """
    best = starts[: hops + 1].copy()
    closed = np.zeros(best.shape[1], np.bool_) if passable is None else ~passable
    made = Shortlists()
    if order is None or (len(edges) < _BLOCK and not shortlists):
        _walk_levels(edges, best, rules, input_sums, closed, min_weight)
        return PathTables(_trimmed(best))
    # Rows differ in length: allocated anew for each, they would break the heap into pieces.
    spaces = np.empty((2, (len(best) - 1) * len(closed)))
    for block in (_strong_enough(row, min_weight) for row in edges.rows(order)):
        if not block.size:
            continue
        target, shape = int(block.target[0]), (len(best) - 1, block.size)
        values, ranked = (space[: shape[0] * shape[1]].reshape(shape) for space in spaces)
        np.take(best[:-1], block.source, axis=1, out=values, mode="clip")
        rules.extend(values, rules.step(block.weight, input_sums[block.target]), out=values)
        if not closed[target]:
            np.maximum(best[1:, target], values.max(axis=1), out=best[1:, target])
        if shortlists and block.size > SHORTLIST_FROM:
            np.copyto(ranked, values)
            made.add(target, *_shortlist(block, values, ranked))
    return PathTables(_trimmed(best), made)


def token_starts(is_start: Bool, rules: Semiring, hops: int = MAX_HOPS) -> Float64:
    """`starts` of `path_tables` for paths that begin at the nodes where `is_start`, bool (n,)."""
    starts = np.full((hops + 1, len(is_start)), -np.inf)
    starts[0, is_start] = rules.start
    return starts


def _walk_levels(
    edges: Edges, best: Float64, rules: Semiring, input_sums: Float64, closed: Bool, min_weight: float
) -> None:
    at_start = best.copy()
    for hop in range(1, len(best)):
        for block in (_strong_enough(block, min_weight) for block in edges.blocks(_BLOCK)):
            if block.size:
                steps = rules.step(block.weight, input_sums[block.target])
                values = rules.extend(best[hop - 1, block.source], steps)
                first = np.flatnonzero(np.r_[True, np.diff(block.target) != 0])
                rows = block.target[first]
                best[hop, rows] = np.maximum(best[hop, rows], np.maximum.reduceat(values, first))
        best[hop, closed] = at_start[hop, closed]


def _strong_enough(block: EdgeBlock, min_weight: float) -> EdgeBlock:
    if not min_weight:
        return block
    kept = np.abs(block.weight) >= min_weight
    return EdgeBlock(block.target[kept], block.source[kept], block.weight[kept])


def _shortlist(block: EdgeBlock, values: Float64, ranked: Float64) -> tuple[Int32, Float64, Float64]:
    """From `values`, float64 (hops, inputs), and a copy of it that is put in another order."""
    n, m = block.size, SHORTLISTED_PATHS
    ranked.partition(n - m, axis=1)
    threshold = ranked[:, n - m, None]
    listed = (values >= threshold) & np.isfinite(values)
    for hop in np.flatnonzero(listed.sum(axis=1) > m):  # ties: the first in order, as the search ranks them
        listed[hop] = False
        listed[hop, np.argsort(-values[hop], kind="stable")[:m]] = True
    chosen = listed.any(axis=0)
    floors = values[:, ~chosen].max(axis=1, initial=-np.inf)
    return block.source[chosen], block.weight[chosen], floors


def _trimmed(best: Float64) -> Float64:
    """Without the levels that nothing reaches."""
    reached = np.flatnonzero((best > -np.inf).any(axis=1))
    return best[: reached[-1] + 1 if len(reached) else 1]


def topological_order(edges: Edges, depth: Float64) -> Int32 | None:
    """Nodes in an order in which every edge leads onwards, int32 (n,); None when the graph holds a cycle.

    Args:
        edges: its edges.
        depth: float64 (n,): height of each node in the model, along which every edge of a genuine attribution
            graph leads upwards; other graphs are looked through for an order of their own.
    """
    blocks: Callable[[], Iterator[EdgeBlock]] = lambda: edges.blocks(_BLOCK)  # noqa: E731
    if all((depth[block.source] < depth[block.target]).all() for block in blocks()):
        return np.argsort(depth, kind="stable").astype(np.int32)
    waiting, order = np.ones(len(depth), np.bool_), []
    while waiting.any():
        blocked = np.zeros(len(depth), np.bool_)
        for block in blocks():
            blocked[block.target[waiting[block.source]]] = True
        free = np.flatnonzero(waiting & ~blocked)
        if not len(free):
            return None
        order.append(free)
        waiting[free] = False
    return np.concatenate([np.zeros(0, np.int32), *order]).astype(np.int32)


def staged_tables(tables: Callable[[Float64], PathTables], starts: Float64, must_pass: Sequence[int]) -> Float64:
    """Tables of paths that pass nodes in a given order, one below the other: float64 ((m + 1) * (hops + 1), n).

    Row i * (hops + 1) + j holds the best values of paths of j hops that have passed the first i of `must_pass`.

    Args:
        tables: `path_tables` of a graph, by `starts`.
        starts: as for `path_tables`.
        must_pass: ordinals, in topological order.
    """
    stages = []
    for ordinal in (*must_pass, None):
        best = np.full_like(starts, -np.inf)
        found = tables(starts).best
        best[: len(found)] = found
        stages.append(best)
        if ordinal is not None:
            starts = np.full_like(starts, -np.inf)
            starts[:, ordinal] = best[:, ordinal]
    return np.concatenate(stages)
