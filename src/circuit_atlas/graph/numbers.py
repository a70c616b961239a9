"""Numbers in the fields of a file."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def as_float(value: Any) -> float | None:
    """A finite number; None for anything else (NaN, text, true, an integer too large for a float).
    numpy's numbers are numbers, too."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
