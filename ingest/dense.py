"""The edges of a dense adjacency matrix, read a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import ArrayEdges, EdgeBlock, Int32
from circuit_atlas.schema.limits import MAX_WEIGHT

_BLOCK_BYTES = 8 << 20


class DenseEdges:
    """The non-zero entries of `adjacency[target, source]`, shape (n, n), any float dtype.

    The matrix may be mapped from a file; only `_BLOCK_BYTES` of it are copied at a time. Weights are widened to
    float64, which is exact.

    Args:
        adjacency: the matrix, targets in rows.
        where: the file, for messages.

    Raises:
        InputError: an entry is NaN, infinite or larger than 1e300 in size; the message says where.
    """

    def __init__(self, adjacency: npt.NDArray[Any], where: str) -> None:
        self._adjacency, self._where = adjacency, where
        self._count = sum(self._checked(start, block) for start, block in row_blocks(self._adjacency))

    def __len__(self) -> int:
        return self._count

    def blocks(self, size: int) -> Iterator[EdgeBlock]:
        """See `Edges.blocks`."""
        for rows in self._rows():
            yield from rows.blocks(size)

    def rows(self, targets: Int32) -> Iterator[EdgeBlock]:
        """See `Edges.rows`."""
        for target in targets.tolist():
            row = self._adjacency[target].astype(np.float64)
            source = np.flatnonzero(row)
            yield EdgeBlock(np.full(len(source), target, np.int32), source.astype(np.int32), row[source])

    def _rows(self) -> Iterator[ArrayEdges]:
        for start, block in row_blocks(self._adjacency):
            target, source = np.nonzero(block)
            yield ArrayEdges((target + start).astype(np.int32), source.astype(np.int32), block[target, source])

    def _checked(self, start: int, block: npt.NDArray[np.float64]) -> int:
        """The number of edges in a block of rows, after a check that all weights are finite, and their sums will be."""
        fits = np.abs(block) <= MAX_WEIGHT
        if not fits.all():
            row, column = np.argwhere(~fits)[0].tolist()
            weight = float(block[row, column])
            is_large = np.isfinite(weight)
            raise InputError(
                f"the weight is {weight}{f'; its size is more than {MAX_WEIGHT:g}' if is_large else ''}",
                where=f"{self._where}: adjacency_matrix[{start + row}, {column}]",
                fix=f"Run the attribution again{'' if is_large else '; use float32 if it ran in a shorter type'}.",
            )
        return int(np.count_nonzero(block))


def masked_edges(adjacency: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> ArrayEdges:
    """The non-zero entries of `adjacency` (see `DenseEdges`) where `mask`, bool (n, n), is true."""
    parts = []
    for start, block in row_blocks(adjacency):
        target, source = np.nonzero(mask[start : start + len(block)] & (block != 0))
        parts.append(((target + start).astype(np.int32), source.astype(np.int32), block[target, source]))
    return ArrayEdges(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def row_blocks(adjacency: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Blocks of rows of a matrix (n, n), in order: the number of the first row, and the rows as float64 of about
    `_BLOCK_BYTES`."""
    n = adjacency.shape[0]
    step = max(1, _BLOCK_BYTES // max(1, 8 * n))
    for start in range(0, n, step):
        yield start, adjacency[start : start + step].astype(np.float64)
