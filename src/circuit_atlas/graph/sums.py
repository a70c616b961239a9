"""Sums in twice the precision of float64: a number can be added, and taken out again, without a trace.

A sum is two float64: `high`, the nearest to it, and `rest`, what is missing to it. Together they have 106 bits. The sum
of float32 weights is exact there unless the smallest is less than 2^-80 of the largest: so it depends neither on the
order of the weights, nor on others that were taken out. Sums of float64 values, and of squares, have an error of about
2^-100 of the largest. (numpy's longdouble has 64 bits, on some machines 53.)

Sources: D. E. Knuth, The Art of Computer Programming, volume 2, section 4.2.2 (sum); T. J. Dekker, A floating-point
technique for extending the available precision, 1971 (product).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import Float64, Int32, Int64

_SPLIT = float((1 << 27) + 1)  # splits the 53 bits of a float64 into two halves
_PRECISION = 2.0**-90  # of a difference of two sums, relative to these; leaves 16 bits for their own errors


class Sums(NamedTuple):
    """Some sums, (n,) each: `high` + `rest`."""

    high: Float64
    rest: Float64

    @classmethod
    def of(cls, values: Float64) -> Sums:
        """Sums of one number each."""
        return cls(values, np.zeros(len(values)))

    @classmethod
    def of_squares(cls, values: Float64) -> Sums:
        """Sums of one square each, exactly."""
        return cls(*_product(values, values))

    @classmethod
    def joined(cls, parts: Iterable[Sums]) -> Sums:
        """The sums of several parts, one after the other."""
        high, rest = zip(*parts, strict=True)
        return cls(np.concatenate(high), np.concatenate(rest))

    def plus(self, other: Sums) -> Sums:
        """The sums of both."""
        high, error = _sum(self.high, other.high)
        rest, small = _sum(self.rest, other.rest)
        high, error = _normal(high, error + rest)
        return Sums(*_normal(high, error + small))

    def negated(self) -> Sums:
        """The negated sums: adding them subtracts these from others."""
        return Sums(-self.high, -self.rest)

    def take(self, at: npt.NDArray[Any]) -> Sums:
        """Some of the sums: their places, int64 (k,), or whether to take each, bool (n,)."""
        return Sums(self.high[at], self.rest[at])

    def around_mean(self, squares: Sums, number: int | Int32) -> Float64:
        """The sum of the squared distances of numbers from their mean.

        Args:
            squares: the sums of their squares.
            number: how many numbers each sum has, or all of them have; those that were not added are 0.
        """
        high, rest = _product(self.high, self.high)
        high, rest = _normal(high, rest + 2 * self.high * self.rest)
        quotient = high / number
        product, error = _product(quotient, np.asarray(number, np.float64))
        correction = (high - product - error + rest) / number
        found = squares.plus(Sums(-quotient, -correction)).high
        return np.where(found > _PRECISION * squares.high, found, 0)


def added_up(key: Int64, counts: Sequence[Int32], sums: Sequence[Sums]) -> tuple[Int64, list[Int32], list[Sums]]:
    """Add up the rows of a table that have the same key.

    Args:
        key: int64 (n,), none negative.
        counts: columns of numbers, int32 (n,) each.
        sums: columns of sums, (n,) each.

    Returns:
        The m keys that there are, in order, and the columns, (m,) each.
    """
    order = np.argsort(key, kind="stable")
    key = key[order]
    start = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(start):
        return key, list(counts), list(sums)
    size = np.diff(start, append=len(key))
    whole = [np.add.reduceat(column[order], start, dtype=np.int32) for column in counts]
    return key[start], whole, [_added(column.take(order), start, size) for column in sums]


def _added(column: Sums, start: Int64, size: Int64) -> Sums:
    """The sum of each run of rows: the second row of all runs is added to the first, then the third, and so on."""
    total = column.take(start)
    more, place = np.flatnonzero(size > 1), 1
    while len(more):
        both = total.take(more).plus(column.take(start[more] + place))
        total.high[more], total.rest[more] = both
        place += 1
        more = more[size[more] > place]
    return total


def _sum(a: Float64, b: Float64) -> tuple[Float64, Float64]:
    """a + b as float64, and its error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _normal(high: Float64, rest: Float64) -> tuple[Float64, Float64]:
    """The same sum, whose `high` is the float64 nearest to it; |high| is at least |rest|."""
    total = high + rest
    return total, rest - (total - high)


def _product(a: Float64, b: Any) -> tuple[Float64, Float64]:
    """a * b as float64, and its error."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: Any) -> tuple[Any, Any]:
    shifted = a * _SPLIT
    high = shifted - (shifted - a)
    return high, a - high
