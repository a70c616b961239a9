"""Numbers without the digits in which the order of sums shows."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Float64

_BITS = 40  # of the 53 that a float64 has: 12 digits


def rounded(values: Float64) -> Float64:
    """Round numbers, float64 of any shape, to about 12 digits. Numbers that differ by rounding errors become equal,
    with rare exceptions."""
    mantissa, exponent = np.frexp(values)
    found: Float64 = np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS)
    return found
