"""Stores the graphs of files and folders, and at addresses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError, DatabaseError, InvalidArgumentError
from circuit_atlas.handle import IngestedGraph
from circuit_atlas.ingest.files import graph_files, side_by_side
from circuit_atlas.ingest.names import check_name, check_tags
from circuit_atlas.ingest.options import ReadOptions, check_options
from circuit_atlas.ingest.results import FileResult, IngestResult, IngestResults
from circuit_atlas.remote.addresses import is_address, read_address, shown_source
from circuit_atlas.schema.apply import ensure_schema
from circuit_atlas.store.reconnecting import ReconnectingDatabase
from circuit_atlas.threads import in_order

if TYPE_CHECKING:
    import circuit_tracer

    from circuit_atlas.ingest.together import FilesOfOneIngest
    from circuit_atlas.remote.download import GraphDownloads

PathLike = str | os.PathLike[str]


def ingest(
    database: Database,
    source: PathLike | circuit_tracer.Graph,
    *,
    name: str | None = None,
    replace: bool = False,
    tags: Iterable[str] = (),
    **options: Unpack[ReadOptions],
) -> IngestedGraph:
    """Store a graph and return its handle; `handle.ingested` is the result.

    Args:
        database: the database.
        source: path of a `.json`, `.json.gz` or `.pt` file, the https address of one, the address of a graph's page
            on Neuronpedia (or `neuronpedia:MODEL/SLUG`), or a `circuit_tracer.Graph` (tensors on CPU or GPU). What
            the address of a page pins becomes the circuit `pinned`, what it groups becomes supernodes.
        name: the graph's name; by default the slug in the file, else the file's stem.
        replace: whether to replace a graph of that name that has different content, and a circuit and supernodes
            that have other nodes than the address says.
        tags: tags to add to those that the graph has.
        options: how the source is read, see `circuit_atlas.ingest.options.ReadOptions`.

    Raises:
        InputError: the file cannot be read; UnsafeFileError: it would run code.
        InvalidArgumentError: an option is empty, out of range, or does not apply to such a file; or `source` is
            neither a path, an address nor a graph.
        MissingExtraError: the graph is to be pruned, and the extra `attribution` is not installed.
        GraphExistsError: another graph has the name, and `replace` is not set.
        IngestError: the database does not have what was sent; nothing was published.
        DownloadError, NeuronpediaError, NotFoundError: what an address names cannot be had; nothing was stored.
    """
    from circuit_atlas.ingest import load_graph, read_graph
    from circuit_atlas.ingest.together import FilesOfOneIngest

    if is_address(source):
        with _downloads(database) as downloads:
            together = FilesOfOneIngest(database, name, replace, list(tags), options)
            result = _ingest_address(database, str(source), downloads, together)
        return IngestedGraph(database, result)
    data = read_graph(source, **options)
    database.make_store()
    with database.writing():
        return IngestedGraph(database, load_graph(database, data, name=name, replace=replace, tags=tags))


def ingest_all(
    database: ReconnectingDatabase,
    sources: Iterable[PathLike],
    *,
    fail_fast: bool = False,
    bulk: bool = False,
    name: str | None = None,
    replace: bool = False,
    tags: Iterable[str] = (),
    **options: Unpack[ReadOptions],
) -> IngestResults:
    """Store the graphs of files, of all graph files in folders and below, and at addresses. Graphs that already
    exist with the same content are left as they are: the same call resumes where an earlier one stopped.

    Args:
        database: the database.
        sources: paths of files and folders, and addresses, see `ingest`.
        fail_fast: whether to raise the first error; else the result reports the files that failed.
        bulk: whether to use Neo4j's offline importer, which takes a third of the time for an unpruned graph and two
            thirds for many small ones, but longer for one small graph: the local store is rebuilt with what it
            has and what comes in, and its server restarts.
        name: the name of the graph, for one file only.
        replace: see `ingest`.
        tags: see `ingest`.
        options: see `ingest`.

    Raises:
        InputError: a folder has no graph file.
        InvalidArgumentError: `name` is given for several graphs, or `bulk` for addresses or for a database that is
            not a local store.
        DatabaseError: the database cannot be used, or the connection was lost.
        AtlasError: with `fail_fast`, the first error of a file or address, see `ingest`.
        IngestError: with `bulk`, the store has data of others, or the new store does not have what was sent.
        LocalServerError: with `bulk`, the importer failed; the old store is kept.
        MissingExtraError: with `bulk`, the extra `parquet` is not installed.
    """
    from circuit_atlas.ingest.together import FilesOfOneIngest

    given, tags = list(sources), list(tags)
    addresses = list(dict.fromkeys(str(source) for source in given if is_address(source)))
    files = graph_files(source for source in given if not is_address(source))
    if addresses and bulk:
        raise InvalidArgumentError("--bulk is for files, not for addresses", fix="Leave --bulk out.")
    if len(files) + len(addresses) > 1 and name is not None:
        raise InvalidArgumentError(
            "one name cannot be given to several graphs", fix="Leave --name out: each has one in its file."
        )
    if any(map(os.path.exists, files)):
        database.make_store()
        if bulk:
            from circuit_atlas.store.bulk import ingest_in_bulk

            server = database.local_server("be rebuilt by Neo4j's importer", "ingest without --bulk")
            with database.reopened(), database.writing():
                return ingest_in_bulk(
                    database, server, files, name=name, replace=replace, tags=tags, fail_fast=fail_fast, options=options
                )
        with database.writing():
            ensure_schema(database)  # before the threads, which would all try to
    n = len(files) + len(addresses)
    results = []
    with tqdm(total=n, unit=" graphs", disable=None if database.progress and n > 1 else True) as bar:
        together = FilesOfOneIngest(database, name, replace, tags, options)
        for result in _one_by_one(database, files, addresses, together, fail_fast=fail_fast):
            results.append(result)
            bar.update()
    return IngestResults.of(results)


def _one_by_one(
    database: Database, files: list[Path], addresses: list[str], together: FilesOfOneIngest, *, fail_fast: bool
) -> Iterator[FileResult]:
    """Store the graphs of files and at addresses; the result of each, in order.

    Raises:
        AtlasError: with `fail_fast`, the first error.
    """
    errors: list[AtlasError] = []

    def tell(source: PathLike, store: Callable[[], IngestResult]) -> FileResult:
        try:
            return FileResult(file=shown_source(source), result=store(), error=None)
        except DatabaseError:
            raise
        except AtlasError as error:
            errors.append(error)
            return FileResult.failed(shown_source(source), error)

    def wanted() -> Iterator[Path]:
        """The files, until one fails if that ends it all. Files that are being stored then are completed."""
        for path in files:
            if errors and fail_fast:
                return
            yield path

    # An interrupt does not wait for the files that are being stored: a program that ends leaves them as if it were
    # killed.
    yield from in_order(lambda path: tell(path, partial(together.store, path)), wanted(), side_by_side(files))
    if errors and fail_fast:
        raise errors[0]
    if addresses:
        with _downloads(database) as downloads:  # one after the other, so that no server has too many requests
            for text in addresses:
                yield tell(text, partial(_ingest_address, database, text, downloads, together))
                if errors and fail_fast:
                    raise errors[0]


def _downloads(database: Database) -> GraphDownloads:
    from circuit_atlas.remote.download import GraphDownloads

    # Above a progress bar, a line has to be written by tqdm.
    return GraphDownloads.from_environment(partial(tqdm.write, file=sys.stderr) if database.progress else None)


def _ingest_address(
    database: Database, text: str, downloads: GraphDownloads, together: FilesOfOneIngest
) -> IngestResult:
    from circuit_atlas.store.from_address import ingest_address

    check_options(together.options)
    result = ingest_address(
        database,
        read_address(text, str(downloads.url)),
        downloads,
        together.store,
        name=None if together.name is None else check_name(together.name),
        replace=together.replace,
        tags=check_tags(together.tags),
        may_skip=database.is_connected,
        has_options=any(value is not None for value in together.options.values()),
    )
    together.add(result.graph)
    return result
