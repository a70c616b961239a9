"""Exact numbers of paths, beyond 2^63: the recurrence of `bounds` with plus and times.

numpy has no integers of that size, so a count is stored as three limbs: low + mid * LIMB + high * LIMB^2.
"""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Bool, Int64
from circuit_atlas.graph.packed import PackedEdges, Part, by_sign, combined, is_strong
from circuit_atlas.graph.stages import Stages
from circuit_atlas.schema.limits import LIMB, MAX_HOPS


def walk_counts(edges: PackedEdges, is_start: Bool, hops: int = MAX_HOPS) -> Int64:
    """Number of walks of exactly j hops from any start to each node v: int64 (hops + 1, 3, n), low limb first. In a
    graph without cycles these are its paths; around a cycle, a walk may visit a node twice.

    Args:
        edges: edges of a graph of n nodes.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
    """
    return staged_walk_counts(edges, starting_counts(is_start, hops), [{}])[0]


def staged_walk_counts(
    edges: PackedEdges, starts: Int64, stages: Stages, *, passable: Bool | None = None, min_weight: float = 0.0
) -> list[Int64]:
    """For each stage, the number of walks of exactly j hops to each node v that have passed a node of each group that
    is left in it: int64 (hops + 1, 3, n) each. With starts for paths by their sign, int64 (hops + 1, 3, 2n): at v
    those that promote v, at n + v those that inhibit it, as in `bounds.best_values`.

    Args:
        edges: edges of a graph of n nodes.
        starts: see `starting_counts`.
        stages: the stages, see `stages_of`.
        passable: bool (n,): the nodes that a walk may pass; all when None. It may begin at any start.
        min_weight: smallest |weight| of an edge.
    """
    n = len(edges.inputs)
    closed = np.zeros(0, np.int64) if passable is None else np.flatnonzero(~passable)
    tables: list[Int64] = []
    for stage in stages:
        counts = np.zeros_like(starts)
        counts[0] = 0 if tables else starts[0]
        for j in range(len(counts)):
            if j:
                counts[j] = next_counts(edges, counts[j - 1], min_weight)
                for sheet in range(0, starts.shape[2], n):
                    counts[j][:, sheet + closed] = 0
            for node, before in stage.items():
                counts[j][:, node::n] = tables[before][j][:, node::n]
        tables.append(counts)
    return tables


def next_counts(edges: PackedEdges, counts: Int64, min_weight: float = 0.0) -> Int64:
    """Numbers of walks that are one edge longer than those in `counts`, along edges of at least a |weight|: int64
    (3, n) or (3, 2n), as `counts`."""
    n = len(edges.inputs)
    longer = np.zeros_like(counts)
    for limb, sums in zip(counts, longer, strict=True):

        def at_source(part: Part, limb: Int64 = limb) -> Int64:
            values: Int64 = part.at_source(by_sign(limb, n))
            if min_weight:
                np.copyto(values, 0, where=~is_strong(part.weight, min_weight))
            return values

        if limb.any():
            combined(edges, at_source, np.add, by_sign(sums, n))
    return np.stack(_carried(*longer))


def as_limbs(number: int) -> Int64:
    """The limbs, int64 (3,), of an integer."""
    return np.array([number % LIMB, number // LIMB % LIMB, number // LIMB**2], np.int64)


def as_integers(limbs: Int64) -> list[int]:
    """Exact integers from limbs (m, 3)."""
    return [low + mid * LIMB + high * LIMB**2 for low, mid, high in limbs.tolist()]


def starting_counts(is_start: Bool, hops: int, *, signed: bool = False) -> Int64:
    """Counts of up to `hops` hops, int64 (hops + 1, 3, n), in which only the paths of 0 hops are counted. If `signed`,
    (hops + 1, 3, 2n): a path of 0 hops promotes."""
    counts = np.zeros((hops + 1, 3, len(is_start) * (2 if signed else 1)), np.int64)
    counts[0, 0, : len(is_start)][is_start] = 1
    return counts


def _carried(low: Int64, mid: Int64, high: Int64) -> tuple[Int64, Int64, Int64]:
    """Sums of limbs, with carries: each limb but the highest is below LIMB. The sums cannot overflow: a node has
    at most `MAX_GRAPH_NODES` inputs."""
    mid = mid + low // LIMB
    return low % LIMB, mid % LIMB, high + mid // LIMB
