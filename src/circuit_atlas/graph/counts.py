"""Exact numbers of paths, beyond 2^63: the recurrence of `bounds` with plus and times.

numpy has no integers of that size, so a count is stored as three limbs: low + mid * LIMB + high * LIMB^2.
"""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import ArrayEdges, Bool, Edges, Int32, Int64
from circuit_atlas.schema.limits import LIMB, MAX_HOPS


def path_counts(edges: Edges, order: Int32, is_start: Bool, hops: int = MAX_HOPS) -> Int64:
    """Number of paths of exactly j hops from any start to each node v: int64 (hops + 1, 3, n), low limb first.

    Args:
        edges: edges of a graph without cycles, of n nodes.
        order: see `topological_order`.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
    """
    counts = starting_counts(is_start, hops)
    for block in edges.rows(order):
        if block.size:
            # In topological order the inputs of a target are complete, so all hops can be summed at once.
            limbs = np.moveaxis(counts[:-1, :, block.source].sum(axis=2), 1, 0)
            counts[1:, :, block.target[0]] = np.stack(_carried(*limbs), axis=1)
    return counts


def walk_counts(edges: ArrayEdges, is_start: Bool, hops: int) -> Int64:
    """The same for walks, in any graph: int64 (hops + 1, 3, n). A walk may visit a node twice, around a cycle."""
    counts = starting_counts(is_start, hops)
    for j in range(1, hops + 1):
        counts[j] = next_counts(edges, counts[j - 1])
    return counts


def next_counts(edges: ArrayEdges, counts: Int64) -> Int64:
    """Numbers of walks that are one edge longer than those in `counts`: int64 (3, n), as `counts`."""
    longer = np.zeros_like(counts)
    first = np.flatnonzero(np.diff(edges.target, prepend=-1))  # edges are sorted by target
    if len(first):
        limbs = (np.add.reduceat(limb[edges.source], first) for limb in counts)
        longer[:, edges.target[first]] = _carried(*limbs)
    return longer


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
