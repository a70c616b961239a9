"""Ingests many or large graphs with Neo4j's offline importer, which rebuilds the store with the old and new graphs."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from circuit_atlas.config import Connection
from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError, IngestError
from circuit_atlas.graph.data import Float64, GraphData
from circuit_atlas.ingest import read_graph, statements
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.graph_rows import GraphRows, graph_rows
from circuit_atlas.ingest.import_files import ImportFiles
from circuit_atlas.ingest.labels import FILE_LABELS, NAMES
from circuit_atlas.ingest.load import ingest_result
from circuit_atlas.ingest.names import check_name, check_tags, doubled_name, existing_name
from circuit_atlas.ingest.options import ReadOptions
from circuit_atlas.ingest.results import FileResult, IngestResult, IngestResults
from circuit_atlas.ingest.steps import label_steps
from circuit_atlas.schema.apply import create_constraints
from circuit_atlas.schema.batches import pages
from circuit_atlas.schema.edge_columns import WRITE_COLUMNS
from circuit_atlas.server import LocalServer
from circuit_atlas.server.admin import AdminTool
from circuit_atlas.server.importer import run_import
from circuit_atlas.store.column_file import ColumnFile
from circuit_atlas.store.stored_rows import StoredRows

_BLOCK = 1 << 18  # edges
_EDGES_PER_PAGE = 1_000_000
_SESSIONS = 2
_TOLERANCE = 1e-9


Sums = Float64  # (4,), of a graph: number of nodes, number of edges, sum of weights, sum of |weight|


def ingest_in_bulk(
    database: Database,
    server: LocalServer,
    files: list[Path],
    *,
    name: str | None,
    replace: bool,
    tags: Iterable[str],
    fail_fast: bool,
    options: ReadOptions,
) -> IngestResults:
    """Store the graphs of files; see `Atlas.ingest_all`. The server restarts, so the database must be opened again.

    Raises:
        IngestError: the store has data of others, or the new store does not have what was sent; the old one is kept.
        LocalServerError: the importer fails, for instance because the disk is full; the old store is kept.
        AtlasError: the first error of a file, with `fail_fast`.
    """
    store, progress = StoredRows(database), database.progress
    tags = check_tags(tags)
    results: list[FileResult] = []
    with (
        server.store.disk_errors(),
        server.store.work_folder("import") as folder,
        ImportFiles(folder) as made,
        ColumnFile(folder / "columns.arrow", "EdgeColumns", WRITE_COLUMNS) as columns,
        ColumnFile(folder / "sums.arrow", "AggregateSums", statements.AGGREGATE_SUMS) as sums,
    ):
        new = _NewStore(store, made, columns, sums)
        for path in tqdm(files, "reading", unit=" files", disable=None if progress else True):
            try:
                read = new.read(path, name, replace, options)
            except AtlasError as error:
                if fail_fast:
                    raise
                results.append(FileResult.failed(str(path), error))
            else:
                results.append(FileResult(file=str(path), result=new.add(read, tags), error=None))
        if new.expected:
            new.add_old(progress=progress)
            heap = server.store.setting("heap.max_size") or "1g"
            server.rebuild(
                store.check_unchanged,
                lambda admin: _import(admin, made, heap),
                lambda connection: _finish(
                    connection, new.expected, new.is_labelled, [columns, sums], explained=made.is_explained
                ),
                quiet=not progress,
            )
    return IngestResults.of(results)


class _Read(NamedTuple):
    """A graph that was read from a file, and what to do with it: `ingested`, `replaced` or `unchanged`."""

    name: str
    data: GraphData
    content: str
    status: str


class _NewStore:
    """The graphs that the new store will have.

    Args:
        store: the store as it is.
        made: where rows are written, for the importer.
        columns: where columns of edges are written.
        sums: where the sums of aggregates are written.
    """

    def __init__(self, store: StoredRows, made: ImportFiles, columns: ColumnFile, sums: ColumnFile) -> None:
        self._store, self._made, self._columns, self._sums = store, made, columns, sums
        self._contents = store.contents()  # content hashes, by name
        self._of_files: set[str] = set()
        self.expected: dict[str, Sums] = {}
        self.is_labelled: dict[str, bool] = {}

    def read(self, path: Path, name: str | None, replace: bool, options: ReadOptions) -> _Read:
        """Read a file.

        Raises:
            AtlasError: it cannot be read, or its graph must not get the name.
        """
        data = read_graph(path, **options)
        chosen = check_name(data.metadata.slug if name is None else name)
        content = content_hash(data)
        return _Read(chosen, data, content, self._status(chosen, content, replace))

    def _status(self, name: str, content: str, replace: bool) -> str:
        if name not in self._contents:
            return "ingested"
        if self._contents[name] == content:
            return "unchanged"
        if name in self._of_files:
            raise doubled_name(name)
        if not replace:
            raise existing_name(name)
        return "replaced"

    def add(self, read: _Read, tags: list[str]) -> IngestResult:
        """Add a graph of a file; if the store has it already, only tags."""
        name, content = read.name, read.content
        self._of_files.add(name)
        if read.status == "unchanged":
            self._store.add_tags(name, tags)
        else:
            rows = graph_rows(read.data, content, dict.fromkeys([*self._store.tags(name), *tags]))
            self._contents[name], self.is_labelled[name] = content, rows.is_labelled
            self._write(name, rows)
        same = [other for other, known in self._contents.items() if known == content and other != name]
        return ingest_result(name, read.data, read.status, sorted(same)[:3])

    def add_old(self, *, progress: bool) -> None:
        """Add the graphs and features that the store has."""
        kept = self._contents.keys() - self.expected.keys()
        for name in tqdm(kept, "kept", unit=" graphs", disable=None if progress else True):
            self._write(name, self._store.graph_rows(name))
        for properties, is_kept in self._store.all_features():
            self._made.add_feature(properties, only_if_active=not is_kept)
        self._made.finish()

    def _write(self, name: str, rows: GraphRows) -> None:
        self._made.add(name, rows)
        self._columns.add(rows.columns(name))
        self._sums.add(rows.sum_rows(name))
        expected = np.array([*rows.size, 0, 0], np.float64)
        for block in rows.edges.blocks(_BLOCK):
            expected[2:] += block.weight.sum(), np.abs(block.weight).sum()
        self.expected[name] = expected


def _import(admin: AdminTool, made: ImportFiles, heap: str) -> None:
    found = run_import(admin, made.node_files, made.relationship_files, heap=heap)
    wanted = {"nodes": made.nodes, "relationships": made.relationships}
    if found != wanted:
        raise IngestError(
            f"the importer made {found} instead of {wanted}", fix="The store is unchanged. Please report it."
        )


def _finish(
    connection: Connection,
    expected: dict[str, Sums],
    is_labelled: dict[str, bool],
    columns: list[ColumnFile],
    *,
    explained: bool,
) -> None:
    """Create the schema in the new database, name its new nodes, write what the importer leaves out, and compare every
    graph with what was sent."""
    with Database(connection, timeout=86_400) as database:  # filling in empty texts takes as long as the store is large
        left = {name: wanted.copy() for name, wanted in expected.items()}
        create_constraints(database)
        database.run(statements.FILL_EMPTY, write=True)
        _name(database, {name: int(expected[name][0]) for name in is_labelled}, is_labelled, explained)
        parts = [
            (name, part)
            for name, wanted in expected.items()
            for part in pages(int(wanted[0]), int(wanted[1]), _EDGES_PER_PAGE)
        ]
        with ThreadPoolExecutor(_SESSIONS) as pool:
            found = pool.map(lambda part: _sums(database, *part), parts)  # which begins now
            try:
                for file in columns:
                    database.write_each(file.steps())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # else an error would wait for all sums
                raise
            for (name, _), sums in zip(parts, found, strict=True):
                left[name] = left[name] - sums
    for name, wanted in expected.items():
        near = _TOLERANCE * (wanted[3] + 1e-300)
        if left[name][:2].any() or (np.abs(left[name][2:]) > near).any():
            raise IngestError(
                f"the new store has {wanted - left[name]} of graph {name!r} instead of {wanted}",
                fix="The store is unchanged. Ingest again; report it if it happens twice.",
            )


def _name(database: Database, nodes: dict[str, int], is_labelled: dict[str, bool], explained: bool) -> None:
    """Name nodes as an ingest over Bolt does, graph by graph: labels in files become explanations of features, and
    explanations become names of nodes."""
    for name, number in nodes.items():
        wanted = [NAMES] * explained + [FILE_LABELS] * is_labelled[name]
        explained = explained or is_labelled[name]
        for statement in wanted:
            database.write_each(label_steps(statement, name, number))


def _sums(database: Database, name: str, nodes: tuple[int, int]) -> Sums:
    first, stop = nodes
    row = database.read(statements.CHECKSUM, graph=name, first=first, stop=stop)[0]
    return np.array([row[name] for name in ("nodes", "edges", "weights", "sizes")], np.float64)
