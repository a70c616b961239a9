"""Makes and stores what path search needs: bounds, shortlists and counts of paths from all tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from circuit_atlas.arrays import storage
from circuit_atlas.arrays.bounds import Bool, path_tables, semiring, token_starts
from circuit_atlas.arrays.counts import path_counts
from circuit_atlas.arrays.graph_data import Edges, Float64, Int32
from circuit_atlas.ingest.writer import Writer

ROWS_AT_ONCE = 2_000


def write_path_tables(
    writer: Writer, graph: str, edges: Edges, *, is_token: Bool, order: Int32 | None, input_sum: Float64
) -> None:
    """Store the tables of a graph of n nodes.

    Args:
        writer: where to.
        graph: the name it has in the database.
        edges: its edges.
        is_token: bool (n,): where paths begin.
        order: see `topological_order`.
        input_sum: sum of |weight| of the inputs of each node, (n,).
    """
    for sign in (1, -1):
        rules = semiring("sum", sign)
        starts = token_starts(is_token, rules)
        tables = path_tables(edges, order, starts, rules, input_sums=input_sum, shortlists=True)
        where = {"graph": graph, "sources": storage.TOKENS, "sign": sign}
        writer.run(storage.BOUNDS, rows=storage.bound_rows(tables.best), **where)
        for rows in batches(storage.step_rows(tables, input_sum)):
            writer.run(storage.STEPS, rows=rows, **where)
    if order is not None:
        writer.run(storage.COUNTS, graph=graph, rows=storage.count_rows(path_counts(edges, order, is_token)))


def batches(rows: Iterable[dict[str, Any]], size: int = ROWS_AT_ONCE) -> Iterator[list[dict[str, Any]]]:
    """Rows, some at a time."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
