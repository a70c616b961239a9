"""Places in lists that stand one after the other in an array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import Int64


def places_of(start: npt.NDArray[np.integer], count: npt.NDArray[np.integer]) -> Int64:
    """The places of some lists, one list after the other: int64 (sum of `count`,).

    Args:
        start: integer (m,): where each list begins.
        count: integer (m,): how long each is.
    """
    before = np.cumsum(count) - count
    places: Int64 = np.arange(count.sum()) + np.repeat(start - before, count)
    return places
