"""Exact numbers of paths, beyond 2^63: the recurrence of `path_tables` with plus and times."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.bounds import Bool
from circuit_atlas.graph.data import ArrayEdges, Edges, Int32, Int64
from circuit_atlas.schema.limits import LIMB, MAX_HOPS


def path_counts(edges: Edges, order: Int32, is_start: Bool, hops: int = MAX_HOPS) -> Int64:
    """Number of paths of exactly j hops from any start to each node v: int64 (hops + 1, 3, n), low limb first.

    Args:
        edges: edges of a graph without cycles, of n nodes.
        order: see `topological_order`.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
    """
    counts = np.zeros((hops + 1, 3, len(is_start)), np.int64)
    counts[0, 0, is_start] = 1
    for block in edges.rows(order):
        if block.size:
            low, mid, high = np.moveaxis(counts[:-1, :, block.source].sum(axis=2), 1, 0)
            mid += low // LIMB
            target = block.target[0]
            counts[1:, 0, target] = low % LIMB
            counts[1:, 1, target] = mid % LIMB
            counts[1:, 2, target] = high + mid // LIMB
    return counts


def walk_counts(edges: ArrayEdges, is_start: Bool, hops: int) -> Int64:
    """As `path_counts`, of walks in any graph: where it holds a cycle, they may visit a node twice."""
    counts = np.zeros((hops + 1, 3, len(is_start)), np.int64)
    counts[0, 0, is_start] = 1
    for j in range(1, hops + 1):
        counts[j] = next_counts(edges, counts[j - 1])
    return counts


def next_counts(edges: ArrayEdges, counts: Int64) -> Int64:
    """Numbers of walks, int64 (3, n), one edge longer than those that `counts`, (3, n), tells."""
    longer = np.zeros_like(counts)
    rows = np.flatnonzero(np.diff(edges.target, prepend=-1))
    if len(rows):
        low, mid, high = (np.add.reduceat(limb[edges.source], rows) for limb in counts)
        mid += low // LIMB
        longer[:, edges.target[rows]] = low % LIMB, mid % LIMB, high + mid // LIMB
    return longer


def as_limbs(number: int) -> Int64:
    """The limbs, int64 (3,), of an integer."""
    return np.array([number % LIMB, number // LIMB % LIMB, number // LIMB**2], np.int64)


def as_integers(limbs: Int64) -> list[int]:
    """Exact integers from limbs (m, 3)."""
    return [low + mid * LIMB + high * LIMB**2 for low, mid, high in limbs.tolist()]
