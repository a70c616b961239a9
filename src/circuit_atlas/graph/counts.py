"""Exact numbers of paths, beyond 2^63: the recurrence of `bounds` with plus and times.

numpy has no integers of that size, so a count is stored as three limbs: low + mid * LIMB + high * LIMB^2.
"""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Bool, Int64
from circuit_atlas.graph.packed import PackedEdges, Part, combined
from circuit_atlas.schema.limits import LIMB, MAX_HOPS


def walk_counts(edges: PackedEdges, is_start: Bool, hops: int = MAX_HOPS) -> Int64:
    """Number of walks of exactly j hops from any start to each node v: int64 (hops + 1, 3, n), low limb first. In a
    graph without cycles these are its paths; around a cycle, a walk may visit a node twice.

    Args:
        edges: edges of a graph of n nodes.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
    """
    counts = starting_counts(is_start, hops)
    for j in range(1, hops + 1):
        counts[j] = next_counts(edges, counts[j - 1])
    return counts


def next_counts(edges: PackedEdges, counts: Int64) -> Int64:
    """Numbers of walks that are one edge longer than those in `counts`: int64 (3, n), as `counts`."""
    longer = np.zeros_like(counts)
    for limb, sums in zip(counts, longer, strict=True):

        def at_source(part: Part, limb: Int64 = limb) -> Int64:
            return np.take(limb, part.source, mode="clip")

        if limb.any():
            combined(edges, at_source, np.add, sums)
    return np.stack(_carried(*longer))


def as_limbs(number: int) -> Int64:
    """The limbs, int64 (3,), of an integer."""
    return np.array([number % LIMB, number // LIMB % LIMB, number // LIMB**2], np.int64)


def as_integers(limbs: Int64) -> list[int]:
    """Exact integers from limbs (m, 3)."""
    return [low + mid * LIMB + high * LIMB**2 for low, mid, high in limbs.tolist()]


def starting_counts(is_start: Bool, hops: int) -> Int64:
    """Counts of up to `hops` hops, int64 (hops + 1, 3, n), in which only the paths of 0 hops are counted."""
    counts = np.zeros((hops + 1, 3, len(is_start)), np.int64)
    counts[0, 0, is_start] = 1
    return counts


def _carried(low: Int64, mid: Int64, high: Int64) -> tuple[Int64, Int64, Int64]:
    """Sums of limbs, each limb but the highest brought below LIMB again. The sums themselves cannot overflow as long as
    a node has fewer than 90,000 inputs."""
    mid = mid + low // LIMB
    return low % LIMB, mid % LIMB, high + mid // LIMB
