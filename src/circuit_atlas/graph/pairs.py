"""Pairs of nodes as one integer, int64: the target's number times 2^32 plus the source's. Their order is that of
(target, source)."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Float64, Int32, Int64

SOURCE = 0xFFFFFFFF  # of a pair


def summed(target: Int32 | Int64, source: Int32 | Int64, weight: Float64) -> tuple[Int64, Float64]:
    """Parallel effects, (k,) each, added up; left out where they cancel.

    Returns:
        The pairs, int64 (m,), in order, and the sums of their weights, float64 (m,).
    """
    pair, inverse = np.unique(target.astype(np.int64) << 32 | source, return_inverse=True)
    total: Float64 = np.bincount(inverse, weight, len(pair)).astype(np.float64)
    return pair[total != 0], total[total != 0]
