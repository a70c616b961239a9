"""The Python API: `Atlas` is a database of graphs, with the same verbs as the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from circuit_atlas.config import Connection, store_path
from circuit_atlas.database import connect, translated_errors
from circuit_atlas.errors import AtlasError, DatabaseError, QuestionError
from circuit_atlas.handle import GraphHandle
from circuit_atlas.queries import catalogue, find_query, graph_questions
from circuit_atlas.queries.results import Graphs, Rows
from circuit_atlas.queries.runner import QueryRunner, Tracer
from circuit_atlas.schema.answer import FileResult, IngestResults
from circuit_atlas.schema.apply import SCHEMA_VERSION, check_schema, ensure_schema
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT
from neo4j import Driver
from tqdm import tqdm

if TYPE_CHECKING:
    import circuit_tracer
    from circuit_atlas.server import LocalServer

PathLike = str | os.PathLike[str]


class Atlas:
    """A database of attribution graphs.

    Without arguments, the server that `NEO4J_URI` names, or else the local server of the default store,
    which is started when it does not run and left running.

    Args:
        connection: a server of one's own choice.
        store: directory of a local store, instead of the default one.
        timeout: seconds after which the server stops a query.
        tracer: called with the text of every statement, for instance `print`.
        progress: whether to draw bars on standard error while ingesting.

    Raises:
        DatabaseError: the server cannot be reached, refuses the password, or is too old.
        SchemaVersionError: the store belongs to a newer circuit-atlas.
    """

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        store: PathLike | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        tracer: Tracer | None = None,
        progress: bool = False,
    ) -> None:
        self._server: LocalServer | None = None
        self._progress, self._timeout, self._tracer = progress, timeout, tracer
        connection = connection or (None if store else Connection.from_environment())
        if connection is None:
            from circuit_atlas.server import LocalServer  # noqa: PLC0415

            self._server = LocalServer(store_path(store))
        self._open(connection)

    def _open(self, connection: Connection | None = None) -> None:
        """Connect to a server, or to the local one, which is started when it does not run."""
        if connection is None:
            assert self._server is not None
            connection = self._server.start(quiet=not self._progress)
        self._database = connection.database
        self._driver = connect(connection)
        try:
            with translated_errors(connection):
                version = check_schema(self._driver, self._database)
            self._runner = QueryRunner(self._driver, self._database, timeout=self._timeout, tracer=self._tracer)
            if version is not None and version < SCHEMA_VERSION:
                from circuit_atlas.upgrade import upgrade  # noqa: PLC0415

                with translated_errors(connection):
                    upgrade(self._driver, self._database, self._runner, progress=self._progress)
        except BaseException:
            self.close()
            raise

    @property
    def driver(self) -> Driver:
        """The open Neo4j driver, for what this class does not offer."""
        return self._driver

    def close(self) -> None:
        """Close the connection. A local server runs on."""
        self._driver.close()

    def __enter__(self) -> Atlas:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ingest(
        self,
        source: PathLike | circuit_tracer.Graph,
        *,
        name: str | None = None,
        replace: bool = False,
        node_threshold: float | None = None,
        edge_threshold: float | None = None,
        model: str | None = None,
        source_set: str | None = None,
        tokenizer: str | None = None,
    ) -> GraphHandle:
        """Store a graph and return its handle; `handle.ingested` tells what became of it.

        Args:
            source: path of a `.json` or `.pt` file, or a `circuit_tracer.Graph` (tensors on CPU or GPU).
            name: the graph's name; by default the slug in the file, else the file's stem.
            replace: whether a graph of that name with other content is replaced.
            node_threshold: prune a `.pt` or Graph to nodes that carry this share of influence, as
                circuit-tracer's `prune_graph` does.
            edge_threshold: likewise for edges.
            model: the language model, where the file does not say.
            source_set: the set of transcoders, where the file does not say.
            tokenizer: name or path of the tokenizer that turns a `.pt`'s token ids into text.

        Raises:
            InputError: the file cannot be read; UnsafeFileError: it would run code.
            GraphExistsError: another graph has the name, and `replace` is not set.
            IngestError: the database does not hold what was sent; nothing was published.
        """
        from circuit_atlas.ingest import load_graph, read_graph  # noqa: PLC0415

        data = read_graph(
            source,
            node_threshold=node_threshold,
            edge_threshold=edge_threshold,
            model=model,
            source_set=source_set,
            tokenizer=tokenizer,
        )
        with translated_errors():
            result = load_graph(self._driver, self._database, data, name=name, replace=replace, progress=self._progress)
        return GraphHandle(self._runner, result.graph, ingested=result)

    def ingest_all(
        self, sources: Iterable[PathLike], *, fail_fast: bool = False, bulk: bool = False, **options: Any
    ) -> IngestResults:
        """Store the graphs of files, and of all graph files in folders and below. What is there already is left as
        it is, so that the same call goes on where an earlier one was stopped.

        Args:
            sources: paths of files and folders.
            fail_fast: whether to raise the first error; else a file that fails is told of in the answer.
            bulk: whether to go through Neo4j's offline importer, which is five times as fast for large graphs and for
                many: the local store is made anew with what it held and what comes in, and the server started again.
            options: of `ingest`; `name` for one file only.

        Raises:
            InputError: a folder holds no graph file.
            DatabaseError: the database is not there any more.
            AtlasError: the first error, with `fail_fast`.
        """
        from circuit_atlas.ingest.files import graph_files, side_by_side  # noqa: PLC0415

        files = graph_files(sources)
        if len(files) > 1 and options.get("name") is not None:
            raise QuestionError("a name for several graphs", fix="Leave --name out: each takes the name in its file.")
        if bulk:
            return self._ingest_in_bulk(files, fail_fast, **options)

        def store(path: Path) -> FileResult:
            try:
                return FileResult(file=str(path), result=self.ingest(path, **options).ingested, error=None)
            except DatabaseError:
                raise
            except AtlasError as error:
                if fail_fast:
                    raise
                return FileResult(file=str(path), result=None, error=str(error))

        with translated_errors():
            ensure_schema(self._driver, self._database)  # not by several at once
        bar = tqdm(total=len(files), unit=" files", disable=None if self._progress and len(files) > 1 else True)
        with bar, ThreadPoolExecutor(side_by_side(files)) as pool:
            try:
                results = []
                for result in pool.map(store, files):
                    results.append(result)
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return IngestResults(files=results, failed=sum(file.error is not None for file in results))

    def _ingest_in_bulk(
        self, files: list[Path], fail_fast: bool, name: str | None = None, replace: bool = False, **options: Any
    ) -> IngestResults:
        from circuit_atlas.bulk import ingest_in_bulk  # noqa: PLC0415
        from circuit_atlas.ingest import Writer  # noqa: PLC0415
        from circuit_atlas.stored_rows import StoredRows  # noqa: PLC0415

        if self._server is None:
            raise QuestionError(
                "only a local store can be made anew by Neo4j's importer",
                fix="Ingest without --bulk; or ingest into a local store (unset NEO4J_URI) and "
                "`circuit-atlas export --import-files FOLDER`, which says how the server's own importer takes them.",
            )
        store = StoredRows(Writer(self._driver, self._database), self._runner)
        try:
            with translated_errors():
                return ingest_in_bulk(
                    self._server, store, files, name=name, replace=replace, fail_fast=fail_fast,
                    progress=self._progress, reader_options=options,
                )  # fmt: skip
        finally:
            self.close()
            self._open()

    def graph(self, name: str) -> GraphHandle:
        """The handle of a graph.

        Raises:
            GraphNotFoundError: no such graph is ready.
        """
        graph_questions.find_graph(self._runner, name)
        return GraphHandle(self._runner, name)

    def graphs(self) -> Graphs:
        """The graphs of the database."""
        return graph_questions.list_graphs(self._runner)

    def delete(self, name: str) -> None:
        """Delete a graph.

        Raises:
            GraphNotFoundError: there is none of that name.
        """
        from circuit_atlas.ingest import Writer, delete_graph  # noqa: PLC0415

        with translated_errors():
            delete_graph(Writer(self._driver, self._database), name)

    def query(self, query_id: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Rows of a query of the catalogue.

        Raises:
            QueryNotFoundError: no query of that id.
            QuestionError: a parameter is missing, unknown or of the wrong type.
        """
        rows = self._runner.ask(query_id, **(parameters or {}))
        return Rows(columns=[column.name for column in find_query(query_id).columns], rows=rows)

    def cypher(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> Rows:
        """Rows of any Cypher statement, at most 100,000; read-only unless `write`.

        Raises:
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        result = self._runner.run(text, dict(parameters or {}), write=write)
        return Rows(columns=result.columns, rows=result.rows)

    def plan(self, query: str, parameters: Mapping[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a query, by its id in the catalogue or as Cypher; with `profile` it is run and counted."""
        values = dict(parameters or {})
        if query in catalogue():
            found = find_query(query)
            query, values = found.cypher(values.get("max_hops")), found.complete(values)
        return self._runner.plan(query, values, profile=profile)


def running_connection(store: PathLike | None = None) -> Connection | None:
    """The server that would be asked, if it needs no start: NEO4J_URI's, or a local one that runs."""
    from circuit_atlas.server import LocalServer  # noqa: PLC0415

    return (None if store else Connection.from_environment()) or LocalServer(store_path(store)).connection()
