"""Numbers in the fields of a file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import Bool

_LARGEST = float(np.finfo(np.float32).max)


def as_float(value: Any) -> float | None:
    """A finite number; None for anything else (NaN, text, true, an integer too large for a float)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_float32(value: Any) -> float | None:
    """A number that is finite as float32 as well, so that it can be squared and added up; None for anything else."""
    number = as_float(value)
    return None if number is None or abs(number) > _LARGEST else number


def are_finite(values: npt.NDArray[Any]) -> Bool:
    """Which of an array of numbers are finite as float32: bool, of the same shape."""
    found: Bool = np.abs(values) <= _LARGEST
    return found


def what_is_wrong(value: Any) -> str:
    """Why `as_float32` does not take a value, after the name of the field."""
    is_large = (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )
    return f"is {'too large for a float32' if is_large else 'not a finite number'}: {value!r:.40}"
