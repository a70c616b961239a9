"""The few inputs of a node that lead its best paths, so that a search for a few paths need not look at all inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import EdgeBlock, Float64, Int32
from circuit_atlas.schema.limits import SHORTLISTED_PATHS

_GROWTH = 1 << 18  # elements
_GROUPS = 4  # of inputs, for each input that is listed
_LOWEST = np.finfo(np.float64).min


class Shortlist(NamedTuple):
    """The inputs through which the SHORTLISTED_PATHS best paths of each number of hops reach the node `ordinal`.

    `sources` (m,) are their ordinals and `weights` (m,) their effects on the node. `unlisted_best` (hops,) is, at place
    j, the best value of a path of j + 1 hops through any other input: what a search has to beat in order to be sure
    that the listed inputs suffice.
    """

    ordinal: int
    sources: Int32
    weights: Float64
    unlisted_best: Float64


class Shortlists:
    """The shortlists of a graph, one behind the other in a few arrays: thousands of small arrays would fragment the
    heap."""

    def __init__(self) -> None:
        self._columns: tuple[npt.NDArray[Any], ...] = (np.zeros(0, np.int32), np.zeros(0))
        self._ends: list[int] = [0]
        self._ordinals: list[int] = []
        self._unlisted_best: list[float] = []

    def add(self, ordinal: int, sources: Int32, weights: Float64, unlisted_best: Float64) -> None:
        """Append one; see `Shortlist`."""
        start, stop = self._ends[-1], self._ends[-1] + len(sources)
        if stop > len(self._columns[0]):
            self._columns = tuple(_resized(column, 2 * stop + _GROWTH) for column in self._columns)
        for column, values in zip(self._columns, (sources, weights), strict=True):
            column[start:stop] = values
        self._ends.append(stop)
        self._ordinals.append(ordinal)
        self._unlisted_best.extend(unlisted_best.tolist())

    def __len__(self) -> int:
        return len(self._ordinals)

    def __iter__(self) -> Iterator[Shortlist]:
        hops = len(self._unlisted_best) // max(1, len(self))
        unlisted_best = np.array(self._unlisted_best).reshape(len(self), hops)
        sources, weights = self._columns
        for i, ordinal in enumerate(self._ordinals):
            listed = slice(self._ends[i], self._ends[i + 1])
            yield Shortlist(ordinal, sources[listed], weights[listed], unlisted_best[i])


def _resized(column: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    larger = np.empty(size, column.dtype)
    larger[: len(column)] = column
    return larger


def shortlist(inputs: EdgeBlock, values: Float64) -> tuple[Int32, Float64, Float64]:
    """The `sources`, `weights` and `unlisted_best` of a node's shortlist, see `Shortlist`.

    Args:
        inputs: the node's n incoming edges, more than SHORTLISTED_PATHS.
        values: float64 (hops, n): at [j, i], the best value of a path of j + 1 hops through input i. They are
            overwritten.
    """
    m = SHORTLISTED_PATHS
    # For each number of hops, the m best paths lead through the m inputs with the largest values: for any other input
    # there are at least m better paths, one through each of those. Only they and few others reach the bounds.
    near = np.flatnonzero((values >= _bounds(values)).any(axis=0))
    if not len(near):
        return inputs.source[near], inputs.weight[near], values.max(axis=1)
    among, place = values[:, near], max(len(near) - m, 0)
    threshold = np.partition(among, place, axis=1)[:, place, None]
    listed = (among >= threshold) & np.isfinite(among)
    # Inputs of equal value can make more than m. The search prefers those that come first, so they are listed.
    for hop in np.flatnonzero(listed.sum(axis=1) > m):
        listed[hop] = False
        listed[hop, np.argsort(-among[hop], kind="stable")[:m]] = True
    chosen = near[listed.any(axis=0)]  # one list serves every number of hops
    values[:, chosen] = -np.inf
    return inputs.source[chosen], inputs.weight[chosen], values.max(axis=1)


def _bounds(values: Float64) -> Float64:
    """For each row, a number that the SHORTLISTED_PATHS largest values reach, and few others; float64 (hops, 1).

    The columns are divided into groups of equal size: the m-th largest of the largest values of all groups is such a
    number, since m groups have a value of that size. It takes a fraction of the time of a partition of the whole row.
    Infinite values reach none.
    """
    (hops, n), m = values.shape, SHORTLISTED_PATHS
    size = n // (_GROUPS * m)
    largest = values
    if size > 1:
        whole = size * _GROUPS * m
        largest = values[:, :whole].reshape(hops, size, -1).max(axis=1)
    bound = np.partition(largest, largest.shape[1] - m, axis=1)[:, largest.shape[1] - m]
    return np.maximum(bound, _LOWEST)[:, None]
