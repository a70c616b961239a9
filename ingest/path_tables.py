"""Makes and stores what path search needs: bounds, shortlists and counts of paths from all tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter
from typing import Any

from circuit_atlas.schema import path_tables as statements

from circuit_atlas.database import Step
from circuit_atlas.graph import table_rows
from circuit_atlas.graph.bounds import Bool, PathTables, path_tables, semiring, token_starts
from circuit_atlas.graph.counts import path_counts
from circuit_atlas.graph.data import Edges, Float64, Int32

_SIGNS = (1, -1)
_LARGE = 100_000  # edges from which numpy is long enough in one row for two threads
_STATEMENTS = {
    "PathBounds": (statements.BOUNDS, table_rows.ROWS_AT_ONCE),
    "PathSteps": (statements.STEPS, table_rows.STEPS_AT_ONCE),
    "PathCounts": (statements.COUNTS, table_rows.ROWS_AT_ONCE),
}
LabelledRow = tuple[str, dict[str, Any]]


def path_table_rows(edges: Edges, *, is_token: Bool, order: Int32 | None, input_sum: Float64) -> Iterator[LabelledRow]:
    """Labels and rows of the tables of a graph of n nodes, those of one label together.

    Args:
        edges: its edges.
        is_token: bool (n,): where paths begin.
        order: see `topological_order`.
        input_sum: sum of |weight| of the inputs of each node, (n,).
    """

    def tables_of(sign: int) -> PathTables:
        rules = semiring("sum", sign)
        starts = token_starts(is_token, rules)
        return path_tables(edges, order, starts, rules, input_sums=input_sum, shortlists=True)

    with ThreadPoolExecutor(len(_SIGNS) if len(edges) > _LARGE else 1) as pool:
        both = list(zip(_SIGNS, pool.map(tables_of, _SIGNS), strict=True))
    for sign, tables in both:
        where = {"sources": statements.TOKENS, "sign": sign}
        yield from (("PathBounds", where | row) for row in table_rows.bound_rows(tables.best))
    while both:  # shortlists are large: they go once they are written
        sign, tables = both.pop(0)
        where = {"sources": statements.TOKENS, "sign": sign}
        yield from (("PathSteps", where | row) for row in table_rows.step_rows(tables, input_sum))
        del tables
    if order is not None:
        counts = path_counts(edges, order, is_token)
        yield from (("PathCounts", row) for row in table_rows.count_rows(counts))


def path_table_steps(graph: str, tables: Iterable[LabelledRow]) -> Iterator[Step]:
    """Statements, with parameters, that store tables for the graph of that name."""
    for label, rows in groupby(tables, itemgetter(0)):
        statement, size = _STATEMENTS[label]
        for batch in table_rows.batches((row for _, row in rows), size):
            yield statement, {"graph": graph, "rows": batch}
