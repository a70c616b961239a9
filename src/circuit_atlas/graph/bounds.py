"""The recurrence behind path search: the best value of any path of exactly j hops from given starts to each node.

`best[j][t] = max over sources s of extend(best[j - 1][s], step(s, t))`: for each hop, a product with the adjacency
matrix in one of several semirings, for instance (max, +). Where a path ends plays no part, so one table serves every
target: it bounds from above what any prefix of a path, searched backwards from the target, can still become.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuit_atlas.graph.data import Bool, EdgeBlock, Edges, Float64, Int32
from circuit_atlas.graph.shortlists import Shortlists, shortlist
from circuit_atlas.schema.limits import MAX_HOPS, SHORTLIST_FROM

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Semiring:
    """How the value of a path grows with its edges; of two paths, the one with the larger value is better.

    `start` is the value of a path without edges. `step(weights, input_sums)` is the value of edges, from their weights
    (m,) and the sums of |weight| over all inputs of their targets (m,). `extend(value, step)` is the value of a path
    with one more edge. It is monotone in `value`, so the best path to a node extends the best path to one of its
    inputs: that makes the recurrence exact.
    """

    step: Callable[[Float64, Float64], Float64]
    extend: np.ufunc = np.add
    start: float = 0.0


def semiring(score: str, sign: int) -> Semiring:
    """The semiring of a score.

    Args:
        score: `mean` and `sum` add weights, `bottleneck` takes the smallest weight, `product` multiplies |weight|
            normalised by its target's inputs, as a sum of logarithms.
        sign: 1, or -1 to negate weights, so that the best path is the most inhibiting one. A `product` ignores it.
    """
    if score == "product":
        return Semiring(lambda weights, input_sums: np.log(np.abs(weights) / input_sums))
    if score == "bottleneck":
        return Semiring(lambda weights, _: sign * weights, np.minimum, np.inf)
    return Semiring(lambda weights, _: sign * weights)


@dataclass(frozen=True)
class PathTables:
    """What path search needs to know of a graph of n nodes.

    `best[j, v]`, float64 (longest + 1, n), is the best value of a path of exactly j hops to v that may be extended
    there; -inf if there is none. Rows end with the longest path that exists. `shortlists` has those of nodes with many
    inputs, if they were asked for.
    """

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
    """The path tables of a graph of n nodes.

    Args:
        edges: its edges.
        order: see `topological_order`; None for a graph with a cycle, in which the paths of the table may visit a node
            twice.
        starts: float64 (hops + 1, n): at [j, v], the value of a path that begins at v as if it had j hops behind it;
            -inf where none begins. See `token_starts`.
        rules: the semiring of the score.
        input_sums: float64 (n,): sum of |weight| over each node's inputs.
        hops: most edges of a path.
        passable: bool (n,): the nodes that a path may pass; all when None. A path may begin at any start.
        min_weight: the smallest |weight| that an edge of a path may have.
        shortlists: whether to make shortlists, too; a graph with a cycle gets none.
    """
    best = starts[: hops + 1].copy()
    closed = np.zeros(best.shape[1], np.bool_) if passable is None else ~passable
    if order is None or (len(edges) < _BLOCK and not shortlists):
        _fill_levels(edges, best, rules, input_sums, closed, min_weight)
        return PathTables(_trimmed(best))
    made = _fill_rows(edges, order, best, rules, input_sums, closed, min_weight, shortlists)
    return PathTables(_trimmed(best), made)


def token_starts(is_start: Bool, rules: Semiring, hops: int = MAX_HOPS) -> Float64:
    """The `starts` of `path_tables`, float64 (hops + 1, n), for paths that begin where `is_start`, bool (n,), is
    true."""
    starts = np.full((hops + 1, len(is_start)), -np.inf)
    starts[0, is_start] = rules.start
    return starts


def must_pass_tables(tables: Callable[[Float64], PathTables], starts: Float64, must_pass: Sequence[int]) -> Float64:
    """Tables of paths that pass given nodes in order, one below the other: float64 ((m + 1) * (hops + 1), n).

    Row i * (hops + 1) + j has the best values of paths of j hops that have passed the first i of m nodes.

    Args:
        tables: makes the `path_tables` of a graph from `starts`.
        starts: as for `path_tables`.
        must_pass: ordinals of the m nodes, in topological order.
    """
    stages = []
    for ordinal in (*must_pass, None):
        best = np.full_like(starts, -np.inf)
        found = tables(starts).best
        best[: len(found)] = found
        stages.append(best)
        if ordinal is not None:
            # In the next stage, paths begin at this node, with the value and the hops that they have reached there.
            starts = np.full_like(starts, -np.inf)
            starts[:, ordinal] = best[:, ordinal]
    return np.concatenate(stages)


def _fill_levels(
    edges: Edges, best: Float64, rules: Semiring, input_sums: Float64, closed: Bool, min_weight: float
) -> None:
    """Fill `best` hop by hop, each time over all edges. Needs no order; fastest for small graphs."""
    at_start = best.copy()
    for hop in range(1, len(best)):
        for block in (_at_least(block, min_weight) for block in edges.blocks(_BLOCK)):
            if block.size:
                values = rules.extend(best[hop - 1, block.source], rules.step(block.weight, input_sums[block.target]))
                # Edges are sorted by target, so the edges of a target are consecutive. Some may be in the next block,
                # so the result of this one is combined with what an earlier one has found.
                first = np.flatnonzero(np.r_[True, np.diff(block.target) != 0])
                targets = block.target[first]
                best[hop, targets] = np.maximum(best[hop, targets], np.maximum.reduceat(values, first))
        best[hop, closed] = at_start[hop, closed]


def _fill_rows(
    edges: Edges,
    order: Int32,
    best: Float64,
    rules: Semiring,
    input_sums: Float64,
    closed: Bool,
    min_weight: float,
    with_shortlists: bool,
) -> Shortlists:
    """Fill `best` target by target, all hops at once: in topological order, the inputs of a target are complete."""
    made = Shortlists()
    # Targets differ in their number of inputs. Their matrices share two buffers as large as the largest: an allocation
    # for each would fragment the heap.
    buffers = np.empty((2, (len(best) - 1) * len(closed)))
    for block in (_at_least(row, min_weight) for row in edges.rows(order)):
        if not block.size:
            continue
        target, shape = int(block.target[0]), (len(best) - 1, block.size)
        values, scratch = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in buffers)
        # values[j, i]: the best path of j + 1 hops through input i. With the mode "clip", numpy writes into `values`
        # directly; the default mode would buffer the result.
        np.take(best[:-1], block.source, axis=1, out=values, mode="clip")
        rules.extend(values, rules.step(block.weight, input_sums[block.target]), out=values)
        if not closed[target]:
            np.maximum(best[1:, target], values.max(axis=1), out=best[1:, target])
        if with_shortlists and block.size > SHORTLIST_FROM:
            made.add(target, *shortlist(block, values, scratch))
    return made


def _at_least(block: EdgeBlock, min_weight: float) -> EdgeBlock:
    """The edges of a block whose |weight| is at least `min_weight`."""
    if not min_weight:
        return block
    kept = np.abs(block.weight) >= min_weight
    return EdgeBlock(block.target[kept], block.source[kept], block.weight[kept])


def _trimmed(best: Float64) -> Float64:
    """Without the rows behind the last that any path reaches."""
    reached = np.flatnonzero((best > -np.inf).any(axis=1))
    return best[: reached[-1] + 1 if len(reached) else 1]
