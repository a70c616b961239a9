"""Sums of direct effects in few bytes. They are stored with an aggregate, so that graphs can be added to it later.

Most effects of an aggregate are in one graph alone: all of their sums follow from one weight. Pairs of nodes are stored
as distances from one to the next. Bytes of equal rank lie together, because most of them are equal, which zlib uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import Float64
from circuit_atlas.graph.many_graphs import Effects
from circuit_atlas.graph.pairs import SOURCE
from circuit_atlas.graph.sums import Sums


def pack_effects(effects: Effects, n: int) -> dict[str, npt.NDArray[Any]]:
    """Effects between n nodes as arrays, by name; `unpack_effects` reads them."""
    place = (effects.pair >> 32) * n + (effects.pair & SOURCE)  # of the entry in a matrix of n x n
    distance = np.diff(place, prepend=0)
    single = _is_single(effects)
    rest = effects.take(~single)
    return {
        "distances": _by_rank(distance.astype("<u4") if distance.max(initial=0) >> 32 == 0 else distance),
        "single": np.packbits(single),
        "weights": _by_rank(effects.total.high[single]),
        "counts": np.array([rest.graphs, rest.positive]),
        "sums": np.array([*rest.total, *rest.squares]),
    }


def unpack_effects(arrays: Mapping[str, npt.NDArray[Any]], n: int) -> Effects:
    """The effects that `pack_effects` was given.

    Raises:
        KeyError, ValueError, TypeError: the arrays are damaged.
    """
    distance = _from_ranks(arrays["distances"], "<u4" if len(arrays["distances"]) == 4 else "<i8")
    place = np.cumsum(distance, dtype=np.int64)
    if place.min(initial=0) < 0 or place.max(initial=-1) >= n * n:
        raise ValueError("effects of nodes that do not exist")
    single = np.unpackbits(arrays["single"], count=len(place)).astype(np.bool_)
    weight = _from_ranks(arrays["weights"], "<f8")
    (graphs, positive), (high, rest, squared, missing) = arrays["counts"], arrays["sums"]
    if len(weight) != np.count_nonzero(single) or len(weight) + len(high) != len(place):
        raise ValueError("effects without weights")
    square = Sums.of_squares(weight)

    def column(of_one: npt.NDArray[Any], of_others: npt.NDArray[Any]) -> npt.NDArray[Any]:
        every = np.empty(len(place), of_one.dtype)
        every[single], every[~single] = of_one, of_others
        return every

    return Effects(
        (place // n) << 32 | place % n,
        column(np.ones(len(weight), np.int32), graphs),
        column((weight > 0).astype(np.int32), positive),
        Sums(column(weight, high), column(np.zeros(len(weight)), rest)),
        Sums(column(square.high, squared), column(square.rest, missing)),
    )


def _is_single(effects: Effects) -> npt.NDArray[np.bool_]:
    """Whether all sums of each effect, bool (m,), are those of one graph that has the weight `total.high`."""
    weight: Float64 = effects.total.high
    one = Sums.of_squares(weight)
    same: npt.NDArray[np.bool_] = (
        (effects.squares.high == one.high) & (effects.squares.rest == one.rest) & (effects.total.rest == 0)
    )
    same &= (effects.graphs == 1) & (effects.positive == (weight > 0))
    return same


def _by_rank(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The first bytes of all values, (m,), then their second bytes, and so on: uint8 (bytes of a value, m)."""
    return np.ascontiguousarray(values.view(np.uint8).reshape(len(values), values.itemsize).T)


def _from_ranks(ranks: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.ascontiguousarray(ranks.T).view(dtype).reshape(-1)
