"""A graph's rows as statements with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from circuit_atlas.ingest import statements
from circuit_atlas.ingest.edge_writer import EDGE_BATCH, by_target
from circuit_atlas.ingest.graph_rows import GraphRows
from circuit_atlas.ingest.labels import FILE_LABELS
from circuit_atlas.ingest.path_tables import path_table_steps

from circuit_atlas.database import Database, Step
from circuit_atlas.graph.table_rows import ROWS_AT_ONCE, batches

_SMALL = 10_000  # edges


def node_steps(graph: str, rows: GraphRows) -> Iterator[Step]:
    """What writes all but the `:Graph` and the edges, under the name `graph`."""
    for batch in batches({"label": label, "properties": row} for label, row in rows.nodes):
        yield statements.NODES, {"graph": graph, "rows": batch}
    identity = {name: rows.properties[name] for name in ("model", "source_set")}
    for batch in batches(rows.transcoder_features):
        yield statements.TRANSCODER_FEATURES, {"graph": graph, "rows": batch, **identity}
    if rows.is_labelled:
        yield from label_steps(FILE_LABELS, graph, rows.size[0])
    if rows.tags:
        yield statements.TAGS, {"graph": graph, "tags": list(rows.tags)}
    if rows.supernodes:
        yield statements.SUPERNODES, {"graph": graph, "rows": rows.supernodes}
    for block in rows.active_features:
        yield statements.ACTIVE_FEATURES, {"graph": graph, "row": block}
    yield from path_table_steps(graph, rows.tables)


def label_steps(statement: str, graph: str, nodes: int) -> Iterator[Step]:
    """`FILE_LABELS` or `NAMES` for a graph of so many nodes."""
    for first in range(0, nodes, ROWS_AT_ONCE):
        yield statement, {"graph": graph, "first": first, "stop": first + ROWS_AT_ONCE}


def extra_steps(graph: str, rows: GraphRows) -> Iterator[Step]:
    """What writes further fields of edges."""
    for batch in batches(extra._asdict() for extra in rows.edge_extras):
        yield statements.EDGE_EXTRAS, {"graph": graph, "rows": batch}


def is_small(rows: GraphRows) -> bool:
    """Whether a graph fits in one transaction, which needs neither a name of its own nor anything to clean up."""
    nodes, edges = rows.size
    return nodes <= ROWS_AT_ONCE and edges <= _SMALL


def write_at_once(database: Database, name: str, rows: GraphRows, check: Callable[[Mapping[str, int]], None]) -> None:
    """Write a small graph, ready under its name, in one transaction.

    Args:
        database: the database.
        name: the graph's.
        rows: the graph.
        check: is given the numbers of `nodes` and `edges` stored; what it raises undoes everything.

    Raises:
        neo4j.exceptions.ConstraintError: a graph of that name already exists.
        IncompleteCommit: the connection was lost while it was committed.
    """

    def steps() -> Iterator[Step]:
        yield statements.READY, {"graph": name, "properties": rows.properties}
        yield from node_steps(name, rows)
        for block in rows.edges.blocks(EDGE_BATCH):
            yield statements.EDGES, {"graph": name, **by_target(block)}
        yield from extra_steps(name, rows)
        yield statements.COUNTS, {"graph": name}

    database.write_together(steps(), check=lambda stored: check(stored[0]))
