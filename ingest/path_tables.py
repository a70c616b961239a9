"""Makes and stores what path search needs: bounds, shortlists and counts of paths from all tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter
from typing import Any

from circuit_atlas.database import Step
from circuit_atlas.graph import table_rows
from circuit_atlas.graph.bounds import PathTables, path_tables, semiring
from circuit_atlas.graph.counts import walk_counts
from circuit_atlas.graph.data import Bool, Float64, Int32
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.schema import path_tables as statements
from circuit_atlas.schema.batches import BATCH_SIZE, batches

_SIGNS = (1, -1)  # the most promoting and the most inhibiting paths
_MIN_EDGES_FOR_THREADS = 100_000  # numpy lets other threads run, which pays only for long arrays
_STATEMENTS = {
    "PathBounds": (statements.WRITE_BOUNDS, BATCH_SIZE),
    "PathSteps": (statements.WRITE_SHORTLISTS, table_rows.SHORTLIST_BATCH_SIZE),
    "PathCounts": (statements.WRITE_COUNTS, BATCH_SIZE),
}
LabelledRow = tuple[str, dict[str, Any]]


def path_table_rows(
    edges: PackedEdges, *, is_token: Bool, order: Int32 | None, input_sum: Float64
) -> Iterator[LabelledRow]:
    """Labels and rows of the tables of a graph of n nodes; rows of one label come together.

    Args:
        edges: its edges.
        is_token: bool (n,): where paths begin.
        order: see `topological_order`; a graph with a cycle, None, has neither shortlists nor counts.
        input_sum: float64 (n,): sum of |weight| over each node's inputs.
    """

    def tables_of(sign: int) -> PathTables:
        return path_tables(edges, order, is_token, semiring("sum", sign), input_sums=input_sum)

    with ThreadPoolExecutor(len(_SIGNS) if len(edges) > _MIN_EDGES_FOR_THREADS else 1) as pool:
        tables_by_sign = list(zip(_SIGNS, pool.map(tables_of, _SIGNS), strict=True))
    for sign, tables in tables_by_sign:
        identity = {"sources": statements.TOKENS, "sign": sign}
        yield from (("PathBounds", identity | row) for row in table_rows.bound_rows(tables.best))
    while tables_by_sign:  # shortlists are large: free those of a sign as soon as they are written
        sign, tables = tables_by_sign.pop(0)
        identity = {"sources": statements.TOKENS, "sign": sign}
        yield from (("PathSteps", identity | row) for row in table_rows.shortlist_rows(tables, input_sum))
        del tables
    if order is not None:
        counts = walk_counts(edges, is_token)
        yield from (("PathCounts", row) for row in table_rows.count_rows(counts))


def path_table_steps(graph: str, tables: Iterable[LabelledRow]) -> Iterator[Step]:
    """Statements and parameters that store these rows for the graph of that name."""
    for label, rows in groupby(tables, itemgetter(0)):
        statement, size = _STATEMENTS[label]
        for batch in batches((row for _, row in rows), size):
            yield statement, {"graph": graph, "rows": batch}
