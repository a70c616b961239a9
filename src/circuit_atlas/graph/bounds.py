"""The recurrence behind path search: the best value of any path of exactly j hops from given starts to each node.

`best[j][t] = max over sources s of extend(best[j - 1][s], step(s, t))`: for each hop, a product with the adjacency
matrix in one of several semirings, for instance (max, +). Where a path ends plays no part, so one table serves every
target: it bounds from above what any prefix of a path, searched backwards from the target, can still become.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuit_atlas.graph.data import Bool, Edges, Float64, Int32
from circuit_atlas.graph.packed import PackedEdges, Part, by_sign, combined, is_strong
from circuit_atlas.graph.shortlists import Shortlists, shortlist
from circuit_atlas.graph.stages import Stages
from circuit_atlas.schema.limits import MAX_HOPS, SHORTLIST_FROM, SMALLEST


@dataclass(frozen=True)
class Semiring:
    """How the value of a path grows with its edges; of two paths, the one with the larger value is better.

    `start` is the value of a path without edges. `step(weights, input_sums)` is the value of edges, from their weights
    (m,) and, if it `uses_input_sums`, the sums of |weight| over all inputs of their targets (m,); else these may be
    None. `extend(value, step)` is the value of a path with one more edge. It is monotone in `value`, so the best path
    to a node extends the best path to one of its inputs: that makes the recurrence exact.
    """

    step: Callable[[Any, Any], Any]
    extend: np.ufunc = np.add
    start: float = 0.0
    uses_input_sums: bool = False


def semiring(score: str, sign: int) -> Semiring:
    """The semiring of a score.

    Args:
        score: `mean` and `sum` add weights, `bottleneck` takes the smallest weight, `product` multiplies |weight|
            normalised by its target's inputs, as a sum of logarithms.
        sign: 1, or -1 to negate weights, so that the best path is the most inhibiting one. A `product` ignores it.
    """
    if score == "product":
        return Semiring(lambda weights, sums: np.log(np.abs(weights) / sums + SMALLEST), uses_input_sums=True)
    if score == "bottleneck":
        return Semiring(lambda weights, _: sign * weights, np.minimum, np.inf)
    return Semiring(lambda weights, _: sign * weights)


@dataclass(frozen=True)
class PathTables:
    """The tables that path search needs for a graph of n nodes.

    `best[j, v]`, float64 (longest + 1, n), is the best value of a path of exactly j hops to v that may be extended
    there; -inf if there is none. Rows end with the longest path that exists. `shortlists` has those of nodes with many
    inputs.
    """

    best: Float64
    shortlists: Shortlists = field(default_factory=Shortlists)


def path_tables(
    edges: Edges,
    order: Int32 | None,
    is_start: Bool,
    rules: Semiring,
    *,
    input_sums: Float64,
    hops: int = MAX_HOPS,
) -> PathTables:
    """The path tables of a graph of n nodes, with shortlists; a graph with a cycle gets none.

    Args:
        edges: its edges.
        order: see `topological_order`; None for a graph with a cycle, in which the paths of the table may visit a node
            twice.
        is_start: bool (n,): where paths begin.
        rules: the semiring of the score.
        input_sums: float64 (n,): sum of |weight| over each node's inputs.
        hops: most edges of a path.
    """
    best = token_starts(is_start, rules, hops)
    if order is None:
        packed = PackedEdges.of(edges, len(is_start))
        return PathTables(_trimmed(best_values(packed, best, rules, input_sums=input_sums)))
    made = _fill_rows(edges, order, best, rules, input_sums)
    return PathTables(_trimmed(best), made)


def token_starts(is_start: Bool, rules: Semiring, hops: int = MAX_HOPS) -> Float64:
    """The `starts` of `best_values`, float64 (hops + 1, n), for paths that begin where `is_start`, bool (n,), is
    true."""
    starts = np.full((hops + 1, len(is_start)), -np.inf)
    starts[0, is_start] = rules.start
    return starts


def best_values(
    edges: PackedEdges,
    starts: Float64,
    rules: Semiring,
    *,
    input_sums: Float64,
    passable: Bool | None = None,
    min_weight: float = 0.0,
) -> Float64:
    """The best value of a path of exactly j hops to each node v, float64 (hops + 1, n); -inf where there is none.

    It is computed hop by hop and needs no order, so the graph may have a cycle; there, paths may visit a node twice. A
    hop over 18.5 million edges takes 0.05 to 0.08 s on two cores, and longer for `product` and by sign.

    With `signed` starts, it is float64 (hops + 1, 2n): at v the best of the paths that promote v, which have an even
    number of negative weights, and at n + v the best of those that inhibit it. An edge of negative weight leads from
    one to the other, so both are one recurrence.

    Args:
        edges: edges of a graph of n nodes.
        starts: float64 (hops + 1, n): at [j, v], the value of a path that begins at v as if it had j hops behind it;
            -inf where none begins. See `token_starts` and `signed`.
        rules: the semiring of the score.
        input_sums: float64 (n,): sum of |weight| over each node's inputs.
        passable: bool (n,): the nodes that a path may pass; all when None. A path may begin at any start.
        min_weight: smallest |weight| of an edge.
    """
    n = len(input_sums)
    best = starts.copy()
    for hop in range(1, len(best)):

        def extended(part: Part, before: Float64 = best[hop - 1]) -> Float64:
            values: Float64 = part.at_source(by_sign(before, n))
            rules.extend(values, _steps(part, values, rules, input_sums), out=values)
            if min_weight:
                np.copyto(values, -np.inf, where=~is_strong(part.weight, min_weight))
            return values

        level = by_sign(best[hop], n)
        reached = np.full_like(level, -np.inf)
        combined(edges, extended, np.maximum, reached)
        if passable is not None:
            reached[..., ~passable] = -np.inf
        np.maximum(level, reached, out=level)
    return best


def _steps(part: Part, values: Float64, rules: Semiring, input_sums: Float64) -> Float64:
    """The values of edges, (m,). Logarithms are slow: if few edges continue a path (`values`, (m,) or (2, m), above
    -inf), only theirs are computed, and the others get 0."""
    if not rules.uses_input_sums:
        return rules.step(part.scored, None)  # type: ignore[no-any-return]
    sums, m = part.at_target(input_sums), len(part.source)
    continuing = np.flatnonzero((values > -np.inf).reshape(-1, m).any(axis=0))
    if len(continuing) > m // 2:
        return rules.step(part.scored, sums)  # type: ignore[no-any-return]
    steps = np.zeros(m)
    steps[continuing] = rules.step(part.scored[continuing], sums[continuing])
    return steps


def signed(starts: Float64) -> Float64:
    """`starts` (hops + 1, n) of `best_values` for paths by their sign, (hops + 1, 2n): a path of no edge promotes."""
    return np.concatenate([starts, np.full_like(starts, -np.inf)], axis=1)


def best_through(best: Callable[[Float64], Float64], starts: Float64, stages: Stages, n: int) -> list[Float64]:
    """For each stage, the best values of paths that have passed a node of each group that is left in it.

    Args:
        best: makes the `best_values` of a graph of n nodes from `starts`.
        starts: as for `best_values`.
        stages: the stages, see `stages_of`.
        n: number of nodes.
    """
    tables: list[Float64] = []
    for stage in stages:
        if tables:
            # Here, paths begin at a node of a group, with the value and the hops that they have reached there.
            begun = np.full_like(starts, -np.inf)
            for node, before in stage.items():
                begun[:, node::n] = tables[before][:, node::n]
            tables.append(best(begun))
        else:
            tables.append(best(starts))
    return tables


def _fill_rows(edges: Edges, order: Int32, best: Float64, rules: Semiring, input_sums: Float64) -> Shortlists:
    """Fill `best` target by target, all hops at once, and make shortlists: in topological order, the inputs of a
    target are complete."""
    made = Shortlists()
    # Targets differ in their number of inputs. Their matrices share a buffer as large as the largest: an allocation for
    # each would fragment the heap.
    buffer = np.empty((len(best) - 1) * best.shape[1])
    for block in edges.rows(order):
        if not block.size:
            continue
        target, shape = int(block.target[0]), (len(best) - 1, block.size)
        values = buffer[: shape[0] * shape[1]].reshape(shape)
        # values[j, i]: the best path of j + 1 hops through input i. With the mode "clip", numpy writes into `values`
        # directly; the default mode would buffer the result.
        np.take(best[:-1], block.source, axis=1, out=values, mode="clip")
        rules.extend(values, rules.step(block.weight, input_sums[block.target]), out=values)
        np.maximum(best[1:, target], values.max(axis=1), out=best[1:, target])
        if block.size > SHORTLIST_FROM:
            made.add(target, *shortlist(block, values))
    return made


def _trimmed(best: Float64) -> Float64:
    """The rows up to the last that any path reaches."""
    reached = np.flatnonzero((best > -np.inf).any(axis=1))
    return best[: reached[-1] + 1 if len(reached) else 1]
