"""The statements, with parameters, that write a graph's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from circuit_atlas.database import Database, Step
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.edge_writer import edge_batches
from circuit_atlas.ingest.graph_rows import SUMS_BLOCK, GraphRows
from circuit_atlas.ingest.labels import FILE_LABELS
from circuit_atlas.ingest.path_tables import path_table_steps
from circuit_atlas.ingest.qk_rows import qk_steps
from circuit_atlas.ingest.rows import Row
from circuit_atlas.schema.batches import BATCH_SIZE, batches
from circuit_atlas.schema.edge_columns import BLOCKS_PER_STATEMENT, WRITE_COLUMNS

_MAX_SMALL_EDGES = 10_000


def node_steps(graph: str, rows: GraphRows) -> Iterator[Step]:
    """The steps that write everything except the `:Graph` node and the edges, under the name `graph`."""
    for batch in batches({"label": label, "properties": row} for label, row in rows.nodes):
        yield statements.NODES, {"graph": graph, "rows": batch}
    # Every ingest takes transcoder features in the same order. Else two could wait for each other, and the server
    # would undo one of them, which happens often when graphs with the same features are written at once.
    for batch in batches(sorted(rows.transcoder_features, key=_identity)):
        yield statements.TRANSCODER_FEATURES, {"graph": graph, "rows": batch, "model": rows.properties["model"]}
    if rows.is_labelled:
        yield from label_steps(FILE_LABELS, graph, rows.size[0])
    if rows.tags:
        yield statements.TAGS, {"graph": graph, "tags": list(rows.tags)}
    if rows.supernodes:
        yield statements.SUPERNODES, {"graph": graph, "rows": rows.supernodes}
    for block in rows.active_features:
        yield statements.ACTIVE_FEATURES, {"graph": graph, "row": block}
    for row in rows.sum_rows(graph):
        yield statements.AGGREGATE_SUMS, {"rows": [row]}
    yield from qk_steps(graph, rows.qk)
    yield from path_table_steps(graph, rows.tables)


def _identity(feature: Row) -> tuple[str, int, int]:
    return feature["source_set"], feature["layer"], feature["index"]


def label_steps(statement: str, graph: str, nodes: int) -> Iterator[Step]:
    """The steps of `FILE_LABELS` or `NAMES` for a graph with that number of nodes."""
    for first in range(0, nodes, BATCH_SIZE):
        yield statement, {"graph": graph, "first": first, "stop": first + BATCH_SIZE}


def extra_steps(graph: str, rows: GraphRows) -> Iterator[Step]:
    """The steps that write further fields of edges."""
    for batch in batches(extra._asdict() for extra in rows.edge_extras):
        yield statements.EDGE_EXTRAS, {"graph": graph, "rows": batch}


def column_steps(graph: str, rows: GraphRows) -> Iterator[Step]:
    """The steps that write a second copy of the edges, as columns."""
    for batch in batches(rows.columns(graph), BLOCKS_PER_STATEMENT):
        yield WRITE_COLUMNS, {"rows": batch}


def is_small(rows: GraphRows) -> bool:
    """Whether a graph fits in one transaction: then it needs no hidden name, and an interruption leaves nothing
    behind."""
    nodes, edges = rows.size
    return nodes <= BATCH_SIZE and edges <= _MAX_SMALL_EDGES and len(rows.sums or b"") <= SUMS_BLOCK


def write_at_once(database: Database, name: str, rows: GraphRows, check: Callable[[Mapping[str, int]], None]) -> None:
    """Write a small graph under its name, and ready, in one transaction.

    Args:
        database: the database.
        name: the graph's name.
        rows: the graph's rows.
        check: called with the stored numbers of `nodes` and `edges`; if it raises, nothing is stored.

    Raises:
        neo4j.exceptions.ConstraintError: a graph of that name already exists.
        neo4j.exceptions.IncompleteCommit: the connection was lost during the commit, so the outcome is unknown.
    """

    def steps() -> Iterator[Step]:
        yield statements.READY, {"graph": name, "properties": rows.properties}
        yield from node_steps(name, rows)
        statement = statements.AGGREGATED_EDGES if rows.edge_statistics else statements.EDGES
        for columns in edge_batches(rows.edges, rows.edge_statistics):
            yield statement, {"graph": name, **columns}
        yield from column_steps(name, rows)
        yield from extra_steps(name, rows)
        yield statements.COUNTS, {"graph": name}

    database.write_together(steps(), check=lambda stored: check(stored[0]))
