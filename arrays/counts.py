"""Exact numbers of paths, beyond 2^63: the recurrence of `path_tables` with plus and times."""

from __future__ import annotations

import numpy as np
from circuit_atlas.arrays.bounds import Bool
from circuit_atlas.arrays.graph_data import Edges, Int32, Int64
from circuit_atlas.schema.limits import MAX_HOPS

LIMB = 10**14  # a count is low + mid * LIMB + high * LIMB^2; sums of 90,000 limbs stay below 2^63


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


def as_integers(limbs: Int64) -> list[int]:
    """Exact integers from limbs (m, 3)."""
    return [low + mid * LIMB + high * LIMB**2 for low, mid, high in limbs.tolist()]
