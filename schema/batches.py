"""How much one statement takes: rows of a write, nodes of a read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

BATCH_SIZE = 2_000  # rows
Row = TypeVar("Row")


def batches(rows: Iterable[Row], size: int = BATCH_SIZE) -> Iterator[list[Row]]:
    """The rows in lists of at most `size`."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def nodes_per_page(nodes: int, edges: int, edges_per_page: int) -> int:
    """How many nodes of a graph have about `edges_per_page` edges together; at least 1.

    Args:
        nodes: number of nodes of the graph.
        edges: number of its edges.
        edges_per_page: how many edges one statement should look at.
    """
    return max(1, edges_per_page * nodes // max(1, edges))


def pages(nodes: int, edges: int, edges_per_page: int) -> Iterator[tuple[int, int]]:
    """Ranges (first, stop) of the ordinals of a graph's nodes, see `nodes_per_page`; `stop` may be beyond the last."""
    step = nodes_per_page(nodes, edges, edges_per_page)
    for first in range(0, nodes, step):
        yield first, first + step
