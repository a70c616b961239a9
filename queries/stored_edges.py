"""Reads all direct effects of a stored graph: from their columns (`:EdgeColumns`), or from the relationships."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.database import RETRY_SECONDS, Rows
from circuit_atlas.errors import AtlasError, DamagedGraphError, GraphChangedError
from circuit_atlas.graph.data import ArrayEdges, EdgeExtra, EdgeStatistics, Float64, Int32
from circuit_atlas.graph.packed import PackedBlock, PackedEdges, column_rows, packed, spans, unpacked
from circuit_atlas.queries.aggregates import is_aggregate
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.batches import batches, pages
from circuit_atlas.schema.edge_columns import BLOCKS_PER_STATEMENT, WRITE_COLUMNS
from circuit_atlas.schema.limits import MAX_ROWS

_LOG = logging.getLogger(__name__)
_EDGES_PER_PAGE = 250_000
Row = dict[str, Any]


class StoredEdges(NamedTuple):
    """All edges of a graph, and the further fields that some of them have."""

    edges: PackedEdges
    extras: tuple[EdgeExtra, ...]


def read_edges(graph: StoredGraph) -> StoredEdges:
    """All edges of a graph. They are read from its columns. If it has none, they are read from the relationships, in a
    hundred times the time, and the columns are made for the next question.

    Raises:
        DamagedGraphError: the relationships can't be those that were ingested.
    """
    try:
        return read_columns(graph)
    except DamagedGraphError as error:
        _LOG.info("graph %r: %s; reading its relationships", graph.name, error.what)
    found = read_relationships(graph)
    try:
        write_columns(graph, found, patience=0.0)  # where nobody may write, a question must not wait for it
    except GraphChangedError:
        raise
    except AtlasError as error:  # a user who may only read gets the answer all the same
        _LOG.info("columns were not written: %s", error.what)
    return found


def read_edges_of(graphs: Sequence[StoredGraph]) -> list[StoredEdges]:
    """All edges of each of some graphs, at most 100; see `read_edges`. One statement reads the columns of all that have
    few blocks.

    Raises:
        DamagedGraphError: see `read_edges`.
    """
    if len(graphs) == 1:
        return [read_edges(graphs[0])]
    rows: dict[str, Rows] = {graph.name: [] for graph in graphs}
    for row in _column_rows(graphs, 0):
        rows[row["graph"]].append(row)

    def of(graph: StoredGraph) -> StoredEdges:
        try:
            return _from_rows(graph, rows[graph.name])
        except DamagedGraphError:  # or it has more blocks
            return read_edges(graph)

    return [of(graph) for graph in graphs]


def has_columns(graph: StoredGraph) -> bool:
    """Whether any columns of edges of a graph are stored; a graph without edges has none."""
    return bool(ask(graph.database, "graphs.columns", graphs=[graph.name], first=0, stop=1))


def write_columns(graph: StoredGraph, found: StoredEdges, *, patience: float = RETRY_SECONDS) -> None:
    """Write the columns of a graph's edges, if the graph has not changed; `patience` as in `Database.write_together`.

    Raises:
        GraphChangedError: it was replaced or deleted.
        DatabaseError, CypherError: the database cannot write, or the user must not.
    """
    stored = graph.properties
    rows = column_rows(graph.name, stored["content_hash"], found.edges, stored["nodes"], found.extras)
    for batch in batches(rows, BLOCKS_PER_STATEMENT):
        graph.write((WRITE_COLUMNS, {"rows": batch}), patience=patience)
    _LOG.info("wrote the columns of graph %r", graph.name)


def read_columns(graph: StoredGraph) -> StoredEdges:
    """All edges of a graph, from its columns.

    Raises:
        DamagedGraphError: the columns are missing, incomplete, or of another graph.
    """

    def rows() -> Iterator[Row]:
        for first in count(step=BLOCKS_PER_STATEMENT):
            found = _column_rows([graph], first)
            yield from found
            if len(found) < BLOCKS_PER_STATEMENT:
                return

    return _from_rows(graph, rows())


def _column_rows(graphs: Sequence[StoredGraph], first: int) -> Rows:
    """Rows of graphs.columns from block `first` on, as many as one statement reads of each graph."""
    names = [graph.name for graph in graphs]
    return ask(graphs[0].database, "graphs.columns", graphs=names, first=first, stop=first + BLOCKS_PER_STATEMENT)


def _from_rows(graph: StoredGraph, rows: Iterable[Row]) -> StoredEdges:
    """All edges of a graph, from all of its rows of graphs.columns; see `read_columns`."""
    n, m = graph.properties["nodes"], graph.properties["edges"]
    has_extras = False

    def blocks() -> Iterator[PackedBlock]:
        nonlocal has_extras
        for row in rows:
            columns = row["columns"]
            if columns.get("content_hash") != graph.properties["content_hash"]:
                raise ValueError("they are of another graph")
            has_extras |= columns.get("has_extras")
            yield PackedBlock(**{name: columns.get(name) for name in PackedBlock._fields})

    try:
        edges = unpacked(blocks(), n, m)
    except (ValueError, TypeError) as error:
        raise damaged(f"its columns of edges cannot be used: {error}", graph.name) from error
    extras = (
        row
        for first, stop in (spans(edges.start, MAX_ROWS) if has_extras else ())
        for row in ask(graph.database, "graphs.extras", graph=graph.name, first=first, stop=stop)
    )
    return StoredEdges(edges, tuple(EdgeExtra(**row) for row in extras))


def read_relationships(graph: StoredGraph) -> StoredEdges:
    """All edges of a graph, from the relationships.

    Raises:
        DamagedGraphError: they can't be those that were ingested.
    """
    n, m = graph.properties["nodes"], graph.properties["edges"]
    extras: list[EdgeExtra] = []
    parts: list[PackedBlock] = []
    found = 0
    for page, more in _pages(graph, n):
        found += len(page)
        if found > m:
            raise damaged(f"it has more than {m:,} edges", graph.name)
        parts += packed(page, n)
        extras += more
    if found != m:
        raise damaged(f"it has {found:,} edges instead of {m:,}", graph.name)
    return StoredEdges(unpacked(parts, n, m), tuple(sorted(extras)))


def read_statistics(graph: StoredGraph) -> EdgeStatistics | None:
    """The statistics of an aggregate's edges, from the relationships; None for any other graph.

    Raises:
        DamagedGraphError: it has more or fewer edges than it should.
    """
    if not is_aggregate(graph.properties):
        return None
    n, m = graph.properties["nodes"], graph.properties["edges"]
    rows = [
        ask(graph.database, "aggregates.statistics", graph=graph.name, first=first, stop=stop)[0]
        for first, stop in pages(n, m, _EDGES_PER_PAGE)
    ]

    def column(name: str, dtype: Any) -> npt.NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype), *(np.array(row[name], dtype) for row in rows)])

    found = EdgeStatistics(
        column("weight_present", np.float64),
        column("weight_sd", np.float64),
        column("graphs", np.int64),
        column("sign_agreement", np.float64),
    )
    if len(found.graphs) != m:
        raise damaged(f"it has {len(found.graphs):,} edges instead of {m:,}", graph.name)
    return found


def damaged(what: str, graph: str) -> DamagedGraphError:
    """The error that says how a graph is not as it was ingested."""
    return DamagedGraphError(
        what, where=graph, fix="`circuit-atlas verify` shows more. Delete the graph and ingest its file again."
    )


def _pages(graph: StoredGraph, n: int) -> Iterator[tuple[ArrayEdges, list[EdgeExtra]]]:
    for first, stop in pages(n, graph.properties["edges"], _EDGES_PER_PAGE):
        rows = ask(graph.database, "graphs.edges", graph=graph.name, first=first, stop=stop)
        page = ArrayEdges.sorted(*_ends(rows), _weights(rows, graph.name))
        _check_ends(page, n, graph.name)
        yield page, [EdgeExtra(row["target"], *extra) for row in rows for extra in row["extras"]]


def _weights(rows: list[Row], graph: str) -> Float64:
    values = [weight for row in rows for weight in row["weights"]]
    if not all(isinstance(value, float) for value in values):
        raise damaged("the weight of an edge is not a float", graph)
    weights = np.array(values, np.float64)
    if not (np.isfinite(weights) & (weights != 0)).all():
        raise damaged("the weight of an edge is 0, missing or not finite", graph)
    return weights


def _check_ends(edges: ArrayEdges, n: int, graph: str) -> None:
    def same_as_before(column: Int32) -> npt.NDArray[np.bool_]:
        return np.asarray(column[1:] == column[:-1])

    if ((edges.source < 0) | (edges.source >= n)).any():
        raise damaged("an edge comes from a node that the graph does not have", graph)
    doubled = same_as_before(edges.target) & same_as_before(edges.source)
    if doubled.any():
        i = int(np.argmax(doubled))
        raise damaged(f"there are two edges from the node {edges.source[i]} to the node {edges.target[i]}", graph)


def _ends(rows: list[dict[str, Any]]) -> tuple[Int32, Int32]:
    """Ordinals of the targets and sources of edges, each (m,), from rows of one `target` and its `sources`."""
    target = np.repeat(np.array([row["target"] for row in rows], np.int32), [len(row["sources"]) for row in rows])
    source = np.array([source for row in rows for source in row["sources"]], np.int32)
    return target, source
