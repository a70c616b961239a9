"""What goes between files and the database, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from circuit_atlas.answers import ExportResult, FileResult, IngestResult, IngestResults, Verifications
from circuit_atlas.errors import AtlasError, DatabaseError, InputError, InvalidArgumentError
from circuit_atlas.handle import GraphHandle
from circuit_atlas.open_database import OpenDatabase, PathLike
from circuit_atlas.queries import graphs as graph_questions
from circuit_atlas.schema.apply import ensure_schema

if TYPE_CHECKING:
    import circuit_tracer

    from circuit_atlas.graph.data import GraphData
    from circuit_atlas.server import LocalServer
    from circuit_atlas.store.stored_rows import StoredRows


class Transfers(OpenDatabase):
    """Ingest, export, verify, back up, restore; see `Atlas`."""

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
        tags: Iterable[str] = (),
    ) -> GraphHandle:
        """Store a graph and return its handle; `handle.ingested` tells what became of it.

        Args:
            source: path of a `.json`, `.json.gz` or `.pt` file, or a `circuit_tracer.Graph` (tensors on CPU or GPU).
            name: the graph's name; by default the slug in the file, else the file's stem.
            replace: whether a graph of that name with other content is replaced.
            node_threshold: prune a `.pt` or Graph to nodes that carry this share of influence, as
                circuit-tracer's `prune_graph` does.
            edge_threshold: likewise for edges.
            model: the language model, where the file does not say.
            source_set: the set of transcoders, where the file does not say.
            tokenizer: name or path of the tokenizer that turns a `.pt`'s token ids into text.
            tags: names of collections that the graph belongs to, in addition to those it has.

        Raises:
            InputError: the file cannot be read; UnsafeFileError: it would run code.
            GraphExistsError: another graph has the name, and `replace` is not set.
            IngestError: the database does not hold what was sent; nothing was published.
        """
        from circuit_atlas.ingest import read_graph

        data = read_graph(
            source,
            node_threshold=node_threshold,
            edge_threshold=edge_threshold,
            model=model,
            source_set=source_set,
            tokenizer=tokenizer,
        )
        result = self._store(data, name, replace=replace, tags=tags)
        return GraphHandle(self._runner, result.graph, ingested=result)

    def _store(self, data: GraphData, name: str | None, *, replace: bool, tags: Iterable[str] = ()) -> IngestResult:
        from circuit_atlas.ingest import load_graph

        with self._writing():
            return load_graph(
                self._driver, self._database, data, name=name, replace=replace, tags=tags, progress=self._progress
            )

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
        from circuit_atlas.ingest.files import graph_files, side_by_side

        files = graph_files(sources)
        if len(files) > 1 and options.get("name") is not None:
            raise InvalidArgumentError(
                "a name for several graphs", fix="Leave --name out: each takes the name in its file."
            )
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

        with self._writing():
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
        self,
        files: list[Path],
        fail_fast: bool,
        name: str | None = None,
        replace: bool = False,
        tags: Iterable[str] = (),
        **options: Any,
    ) -> IngestResults:
        from circuit_atlas.store.bulk import ingest_in_bulk

        server = self._local_server("made anew by Neo4j's importer", "ingest without --bulk")
        with self._closed_after(), self._writing():
            return ingest_in_bulk(
                server,
                self._stored_rows(),
                files,
                name=name,
                replace=replace,
                tags=tags,
                fail_fast=fail_fast,
                progress=self._progress,
                reader_options=options,
            )

    def export(self, name: str, file: PathLike, *, overwrite: bool = False) -> ExportResult:
        """Write a stored graph to a file: `.pt` or `.json` of circuit-tracer, `.graphml`, or `.parquet` (two files).

        A graph that came from a `.pt` or `.json` comes out as it went in.

        Raises:
            GraphNotFoundError: no such graph is ready.
            InvalidArgumentError: unknown suffix.
            InputError: the file exists, cannot be written, or its format cannot hold a node.
            MissingExtraError: the format needs an extra that is not installed.
            DamagedGraphError: what is stored is not what was ingested.
        """
        from circuit_atlas.export.formats import check_file, write_graph
        from circuit_atlas.queries.whole_graph import read_graph_data

        path = Path(file)
        check_file(path, overwrite=overwrite)
        self._refresh(name)
        data = read_graph_data(self._runner, name)
        write_graph(data, path)
        return ExportResult(file=str(path), nodes=len(data.nodes), edges=len(data.edges))

    def export_import_files(self, folder: PathLike, sources: Iterable[PathLike] = ()) -> ExportResult:
        """Write graphs as Parquet for the offline importer of a cluster or of Aura, with its command (`import.sh`) and
        what is to be run afterwards (`finish.cypher`).

        Args:
            folder: a new or empty folder.
            sources: names of stored graphs, and paths of graph files, which need not be stored; all stored graphs when
                there are none.

        Raises:
            GraphNotFoundError: neither a graph nor a file has that name.
            GraphExistsError: two graphs have the same name.
            InputError: the folder holds something, or a file cannot be read.
            MissingExtraError: the extra `parquet` is not installed.
        """
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.ingest.files import graph_files
        from circuit_atlas.store.import_folder import write_import_folder

        wanted = list(map(str, sources))
        files = graph_files(source for source in wanted if Path(source).exists())
        names = [source for source in wanted if not Path(source).exists()]
        for name in names:
            graph_questions.find_graph(self._runner, name)
        with self._writing():
            store = self._stored_rows()
            return write_import_folder(
                Path(folder), store, names if wanted else store.contents(), map(read_graph, files)
            )

    def verify(self, name: str | None = None, source: PathLike | None = None, **options: Any) -> Verifications:
        """Read graphs back whole, and compare counts and all content with what was ingested, or with a file.

        Args:
            name: a graph; all when None.
            source: the file that the graph should be the same as.
            options: of `ingest`, with which the file was read.

        Raises:
            GraphNotFoundError: no such graph is ready.
            InputError: the file cannot be read.
        """
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.store.verify import verify_graph

        if name is None and source is not None:
            raise InvalidArgumentError("a file without a graph to compare it with", fix="Name the graph.")
        data = read_graph(source, **options) if source is not None else None
        names = (
            [summary.graph for summary in graph_questions.list_graphs(self._runner).graphs] if name is None else [name]
        )
        bar = tqdm(names, "verifying", unit=" graphs", disable=None if self._progress and len(names) > 1 else True)
        found = [verify_graph(self._runner, graph, data, str(source or "")) for graph in bar]
        return Verifications(graphs=found, damaged=sum(bool(graph.problems) for graph in found))

    def backup(self, file: PathLike, *, overwrite: bool = False) -> None:
        """Write the whole local store to a file with Neo4j's dump; its server is stopped for as long as that takes.

        Raises:
            InvalidArgumentError: the database is not a local store.
            InputError: the file is there, or cannot be written.
            LocalServerError: the dump fails.
        """
        from circuit_atlas.store.backup import write_backup

        server = self._local_server("backed up here", "use the server's own `neo4j-admin database dump` or snapshots")
        path = Path(file)
        if path.exists() and not overwrite:
            raise InputError("is there already", where=str(path), fix="Give another name, or --overwrite.")
        with self._closed_after():
            write_backup(server, path, quiet=not self._progress)

    def restore(self, file: PathLike, *, replace: bool = False) -> None:
        """Give the local store what a backup holds, all or nothing.

        Args:
            file: what `backup` wrote.
            replace: whether graphs that the store holds now may be lost.

        Raises:
            InvalidArgumentError: the database is not a local store, or holds graphs and `replace` is not set.
            InputError: there is no such file.
            LocalServerError: the file is no dump, or there is no room; the store is as it was.
        """
        from circuit_atlas.store.backup import load_backup

        server = self._local_server("restored here", "use the server's own `neo4j-admin database load`")
        held = graph_questions.list_graphs(self._runner).graphs
        if held and not replace:
            raise InvalidArgumentError(
                f"the store holds {len(held)} graphs, which would be lost",
                fix="Restore into another store (--store), or say --replace.",
            )
        with self._closed_after():
            load_backup(server, Path(file), quiet=not self._progress)

    def _local_server(self, what: str, instead: str) -> LocalServer:
        if self._server is None:
            raise InvalidArgumentError(
                f"only a local store can be {what}",
                fix=f"With NEO4J_URI, {instead}; `circuit-atlas export --import-files FOLDER` makes files for a "
                "server's own importer.",
            )
        return self._server

    def _stored_rows(self) -> StoredRows:
        from circuit_atlas.ingest import Writer
        from circuit_atlas.store.stored_rows import StoredRows

        return StoredRows(Writer(self._driver, self._database), self._runner)

    @contextmanager
    def _closed_after(self) -> Iterator[None]:
        """What is done to the store's files ends in another server than it began with."""
        try:
            yield
        finally:
            self.close()
            self._open()
