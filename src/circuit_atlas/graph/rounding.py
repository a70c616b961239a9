"""Numbers without the digits in which the order of sums shows."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Float64

_BITS = 40  # of the 53 that a float64 has: 12 digits


def rounded(values: Float64) -> Float64:
    """Numbers, float64 of any shape, with 12 digits: what is equal but for rounding becomes equal, nearly always."""
    mantissa, exponent = np.frexp(values)
    found: Float64 = np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS)
    return found
