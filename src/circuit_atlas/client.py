"""The Python API: `Atlas` is a database of graphs, with the same verbs as the command line."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Unpack

from neo4j import Driver
from tqdm import tqdm

from circuit_atlas.aggregates import refresh_aggregate, store_aggregate
from circuit_atlas.arguments import checks_arguments
from circuit_atlas.attribution.stored import attribute, attribute_all
from circuit_atlas.config import Connection, chosen_connection, store_path
from circuit_atlas.database import Database, StatementResult, Tracer, translated_errors
from circuit_atlas.each import EachGraph
from circuit_atlas.errors import (
    AtlasError,
    DatabaseError,
    DatabaseStoppedError,
    GraphNotFoundError,
    InvalidArgumentError,
    ServerUnavailableError,
)
from circuit_atlas.explain.fetch import explain
from circuit_atlas.explain.files import import_explanations
from circuit_atlas.explain.labels import label_feature, read_labelled
from circuit_atlas.export.results import ExportResult
from circuit_atlas.files import check_new
from circuit_atlas.handle import GraphHandle, IngestedGraph
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.delete import delete_graph, remove_leftovers
from circuit_atlas.ingest.files import graph_files, side_by_side
from circuit_atlas.ingest.names import check_name, check_tags
from circuit_atlas.ingest.options import ReadOptions, check_options
from circuit_atlas.ingest.results import FileResult, IngestResult, IngestResults
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.catalogue import catalogue, find_query
from circuit_atlas.queries.checks import no_graphs
from circuit_atlas.queries.compare import compare
from circuit_atlas.queries.enriched import enriched_edges, enriched_features
from circuit_atlas.queries.features import common_features, only_features, recurring, show_feature
from circuit_atlas.queries.graph_sets import graph_set, prompts_or_all, set_rows
from circuit_atlas.queries.graphs import find_graph, list_graphs, list_tags
from circuit_atlas.queries.motifs import motifs
from circuit_atlas.queries.one_answer import as_one
from circuit_atlas.queries.read_only import check_read_only
from circuit_atlas.queries.results import Graphs, Rows
from circuit_atlas.queries.search import search_text
from circuit_atlas.queries.series import series
from circuit_atlas.queries.series_results import Series
from circuit_atlas.queries.shared_motifs import enriched_motifs, recurring_motifs
from circuit_atlas.queries.similar import cluster_graphs, similar_graphs
from circuit_atlas.queries.similar_results import Clusters
from circuit_atlas.queries.stored_tables import check_tables
from circuit_atlas.remote.addresses import is_address, read_address, shown_source
from circuit_atlas.schema.apply import SCHEMA_VERSION, check_schema, ensure_schema
from circuit_atlas.schema.keys import COLLAPSED
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT
from circuit_atlas.store.columns import make_columns
from circuit_atlas.store.rehearsal import rehearse
from circuit_atlas.store.verify import verify
from circuit_atlas.supernodes import delete_collapsed, of_fresh_graphs, refresh_collapsed
from circuit_atlas.threads import in_order
from circuit_atlas.views.browser import BrowserPage, browser_page
from circuit_atlas.views.clusters import ClustersView
from circuit_atlas.views.series import SeriesView
from circuit_atlas.views.serve import serve

if TYPE_CHECKING:
    import circuit_tracer

    from circuit_atlas.ingest.together import FilesOfOneIngest
    from circuit_atlas.remote.download import GraphDownloads
    from circuit_atlas.server import LocalServer

PathLike = str | os.PathLike[str]
_LOG = logging.getLogger(__name__)
_ATTEMPTS = 4  # to ask another server
_PAUSE = 1.0  # seconds before the second of them, and twice as long before each further one
_PATIENCE = 20.0  # seconds after which there is no further one


@checks_arguments
class Atlas(Database):
    """A database of attribution graphs.

    Without arguments: the server that `NEO4J_URI` names, or else the local server of the default store, which is
    started if it does not run and keeps running afterwards. A local store that does not exist is made by `ingest`,
    `ingest_all`, `attribute`, `attribute_all` and `restore`; anything else says that there is none.

    Methods that are given as a name are functions of `circuit_atlas.queries` and the other packages; the function has
    the signature and the documentation. Graphs are given by names, by tags, or by both.

    Args:
        connection: a server to use instead.
        store: directory of a local store, instead of the default one.
        timeout: seconds after which the server stops a query.
        tracer: called with the text of every statement, for instance `print`.
        progress: whether long steps draw bars on standard error.

    A local server that has stopped is started again.

    Raises:
        LocalServerError: the local server does not start.
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
        self._connecting = RLock()
        connection = connection or chosen_connection(store)
        if connection is None:
            from circuit_atlas.server import LocalServer

            self._server = LocalServer(store_path(store))
            if self._server.store.exists:
                connection = self._server.start(quiet=not progress)
        super().__init__(connection, timeout=timeout, tracer=tracer, progress=progress)

    def make_store(self) -> None:
        """Make the local store, if it does not exist, and start its server."""
        if self._server is None:
            return
        with self._connecting:  # several threads may ask
            if self._driver is None and not self._is_closed:
                was_running = self._server.connection() is not None
                connection = self._server.start(quiet=not self.progress)
                self._connect(connection)
                if not was_running and self._server.writes_classes:
                    rehearse(connection)  # the archive keeps what the server has done, and later servers do it faster

    def _open_driver(self) -> Driver:
        """See `Database._open_driver`. A store that another process has just made is opened."""
        if self._driver is None and self._server is not None and not self._is_closed:
            self._server.check_store()
            self.make_store()
        return super()._open_driver()

    def _connect(self, connection: Connection) -> None:
        """Connect, and upgrade the store of an earlier circuit-atlas. A local server whose database has stopped, after
        a full disk for instance, is restarted."""
        try:
            self._open(connection)
        except DatabaseStoppedError:
            if self._server is None:
                raise
            self._server.stop()
            self._open(self._server.start(quiet=not self.progress))

    def _open(self, connection: Connection) -> None:
        try:
            super()._connect(connection)
            with translated_errors(connection):
                version = check_schema(self)
                if version is not None and version < SCHEMA_VERSION:
                    from circuit_atlas.store.upgrade import upgrade

                    upgrade(self, version)
        except BaseException:
            self.close()
            self._driver, self._is_closed = None, False  # of a local server, the next question tries again
            raise

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
        """Run one statement, as `Database.run`; a local server that has stopped is started again first."""
        if self._server is None and not write:
            return self._asked_again(super().run, cypher, parameters)
        self._wait_for_checked_data()
        used = self._driver
        try:
            return super().run(cypher, parameters, write=write)
        except ServerUnavailableError:
            if not self._reconnect(used) or write:  # nobody knows whether a statement that writes was run
                raise
            return super().run(cypher, parameters)

    def _wait_for_checked_data(self) -> None:
        """Wait while another process checks new data of the local store: a server runs on them that is nobody else's.
        Here, and not in the thread that sends a statement, which has a time limit."""
        used = self._driver
        if used is not None and not self._is_closed and self._server is not None and self._server.is_on_new_data():
            self._reconnect(used)

    @staticmethod
    def _asked_again(run: Callable[..., StatementResult], *statement: Any) -> StatementResult:
        """Run a statement that reads on another server, a few times if necessary: a member of a cluster may have
        stopped, or be taking over."""
        from tenacity import (
            Retrying,
            before_sleep_log,
            retry_if_exception_type,
            stop_after_attempt,
            stop_after_delay,
            wait_exponential,
        )

        retrying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_PATIENCE),
            wait=wait_exponential(multiplier=_PAUSE),
            retry=retry_if_exception_type((ServerUnavailableError, DatabaseStoppedError)),
            before_sleep=before_sleep_log(_LOG, logging.INFO),
            reraise=True,
        )
        return retrying(run, *statement)

    def _reconnect(self, used: Driver | None) -> bool:
        """Start the local server if it has stopped, and connect to it, if it is not the one of this connection.

        Args:
            used: the driver that found no server. If there is another one by now, another thread has connected.

        Returns:
            Whether there is another connection than that of `used` now.
        """
        if self._server is None:
            return False
        with self._connecting:
            if self._driver is not used:
                return self._driver is not None
            if self._server.connection() == self._connection:
                return False
            _LOG.warning("The local server had stopped, or its data are being rebuilt; connecting again.")
            try:
                self._connect(self._server.start(quiet=not self.progress))
            finally:
                if used is not None:
                    used.close()
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A block that writes. If the local server has stopped, it is started again first.

        Raises:
            ServerUnavailableError, AuthenticationError, QueryTimeoutError, CypherError: the driver raised such an error
                in the block.
            DatabaseError: the driver raised another error, the disk of the local store is full, or this is closed.
            LocalServerError: the local server cannot be started.
        """
        self._open_driver()
        if self._server is not None and self._server.connection() is None:
            self._reconnect(self._driver)
        try:
            with super().writing():
                yield
        except DatabaseError as error:
            if self._server is None or not self._server.store.is_full:
                raise
            raise DatabaseError(
                "the disk is full",
                where=str(self._server.store.path),
                fix="Free some space and repeat the command: what was stored before is still there.",
            ) from error

    # --- graphs of the database ---

    def graph(self, name: str) -> GraphHandle:
        """The handle of a graph. `NAME:collapsed` is the graph NAME collapsed by its supernodes, as they are now; see
        `GraphHandle.collapsed`.

        Raises:
            GraphNotFoundError: no graph of that name is ready.
            InvalidArgumentError: the graph is to be collapsed, and has no supernodes.
        """
        if name.endswith(COLLAPSED):
            return GraphHandle(self, name.removesuffix(COLLAPSED)).collapsed()
        handle = GraphHandle(self, name)
        handle.known = find_graph(self, name).known
        return handle

    def each(self, *graphs: str, tags: Sequence[str] = ()) -> EachGraph:
        """Several graphs, each of which is asked the same: `atlas.each(tags=["analogies"]).paths(k=1)`. Its methods are
        the questions of `GraphHandle`, and the answers come together, see `circuit_atlas.each`.

        Args:
            graphs: names of graphs.
            tags: the graphs with one of these tags, too, but no aggregates and collapsed graphs. Without names and
                tags, all such graphs of the database.

        Raises:
            GraphNotFoundError: no graph of that name is ready, or the database has none.
            NotFoundError: no graph has such a tag.
        """
        refresh_collapsed(self, *graphs)
        names = [row["graph"] for row in prompts_or_all(self, graphs, tags)]
        if not names:
            raise GraphNotFoundError("the database has no graph yet", fix="`circuit-atlas ingest FILE` adds one.")
        return EachGraph(self, names)

    graphs = list_graphs
    tags = list_tags

    def tag(self, *graphs: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Graphs:
        """Add tags to graphs and remove tags from them; returns the graphs with their tags.

        Args:
            graphs: names of graphs.
            add: tags to add.
            remove: tags to remove. A tag that no graph has does not exist. A note names those that none of the graphs
                has.

        Raises:
            GraphNotFoundError: a graph does not exist; nothing was changed.
            InvalidArgumentError: nothing to do, a tag is both added and removed, or one is not valid: it is empty,
                longer than 200 characters, or has control characters or `~`.
        """
        added, removed = check_tags(add), check_tags(remove)
        if not graphs or not added + removed:
            raise InvalidArgumentError("nothing to do", fix="Name graphs, and tags to add or to remove.")
        if both := [tag for tag in added if tag in removed]:
            raise InvalidArgumentError(f"the tag {both[0]!r} is both added and removed", fix="Give it once.")
        return as_one(self, self._tag, graphs, added, removed)

    def _tag(self, graphs: Sequence[str], added: list[str], removed: list[str]) -> Graphs:
        stored = [find_graph(self, name) for name in graphs]
        before = {tag for summary in self.graphs().graphs if summary.graph in graphs for tag in summary.tags}
        notes = [f"No graph named here had the tag {tag!r}." for tag in removed if tag not in before]
        for graph in stored:
            graph.write(
                (statements.TAGS, {"graph": graph.name, "tags": added}),
                (statements.UNTAG, {"graph": graph.name, "tags": removed}),
            )
        return Graphs(graphs=[summary for summary in self.graphs().graphs if summary.graph in graphs], notes=notes)

    def aggregate(
        self,
        *graphs: str,
        name: str,
        tags: Iterable[str] = (),
        align: str | None = None,
        weight: str | None = None,
        min_graphs: int | None = None,
        replace: bool = False,
        refresh: bool = False,
    ) -> IngestedGraph:
        """Store one graph made of many: an aggregate, of which everything can be asked as of any other graph.

        What the graphs have in common becomes one node, and the weight of a direct effect is its mean over all graphs,
        0 where a graph lacks it. The most probable logit of each graph becomes the node `logit:target`, all other
        logits `logit:others`. What else is stored of nodes and effects, and how it is computed, is in
        `circuit_atlas.graph.aggregate`. A question about an aggregate that is out of date says so in a note.

        Args:
            graphs: names of graphs.
            name: the name of the aggregate.
            tags: tags of further graphs; aggregates and collapsed graphs with these tags are left out.
            align: which nodes become one, see `compare`: with `feature`, the default, positions do not count, and what
                a graph has at several is summed; `relative` counts them from the end of the prompt, `exact` from its
                start. There, tokens become one by position; else by text.
            weight: `mean`, the default; or `normalised`, where each weight is first divided by the sum of |weight| over
                the inputs of its target, as in circuit-tracer's influence.
            min_graphs: leave out nodes and effects that fewer graphs have; 1 by default, nothing. Of thousands of
                graphs, most effects are in one.
            replace: whether to replace a graph of that name that has different content.
            refresh: whether to make the aggregate of that name again, as it was made, if it is out of date: instead of
                all other arguments. Only graphs that got or lost the tag are read, if the sums that the aggregate was
                made from are kept.

        Raises:
            InvalidArgumentError: no graph is given, graphs are of different models or sets of transcoders, one is
                itself an aggregate or a collapsed graph, the aggregate would have more than 90,000 nodes, or an
                argument is out of range.
            GraphNotFoundError, NotFoundError: see `queries.graph_sets.graph_set`.
            GraphExistsError: another graph has the name, and `replace` is not set.
        """
        wanted = list(tags)
        if refresh:
            if graphs or wanted or align or weight or min_graphs is not None or replace:
                raise InvalidArgumentError(
                    "refresh makes an aggregate again from the same graphs and tags, in the same way",
                    fix="Leave all but the name out, or pass replace (--replace) instead of refresh.",
                )
            return IngestedGraph(self, refresh_aggregate(self, name))
        return IngestedGraph(
            self,
            store_aggregate(
                self,
                graphs,
                wanted,
                name=name,
                align=align or "feature",
                weight=weight or "mean",
                min_graphs=1 if min_graphs is None else min_graphs,
                replace=replace,
            ),
        )

    def delete(self, *names: str, tags: Iterable[str] = ()) -> list[str]:
        """Delete graphs, and their collapsed graphs.

        Args:
            names: names of graphs.
            tags: tags of further graphs.

        Returns:
            The names of the graphs that were deleted.

        Raises:
            InvalidArgumentError: neither a graph nor a tag is given.
            GraphNotFoundError, NotFoundError: a graph or tag does not exist; nothing was deleted.
        """
        wanted = list(tags)
        if not names and not wanted:
            raise no_graphs()
        # Of a single graph, an interrupted deletion may have left the rest, which no question finds.
        chosen = graph_set(self, names, wanted) if wanted or len(names) > 1 else list(names)
        with self.writing():
            for name in chosen:
                delete_collapsed(self, name)
                try:
                    delete_graph(self, name)
                except GraphNotFoundError:
                    find_graph(self, name)  # raises, and names the graphs that exist
                    raise
                delete_collapsed(self, name)  # if one was stored just now; from here on none can be
        return chosen

    # --- from files and prompts to graphs, and back ---

    def ingest(
        self,
        source: PathLike | circuit_tracer.Graph,
        *,
        name: str | None = None,
        replace: bool = False,
        tags: Iterable[str] = (),
        **options: Unpack[ReadOptions],
    ) -> IngestedGraph:
        """Store a graph and return its handle; `handle.ingested` is the result.

        Args:
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
            with self._downloads() as downloads:
                together = FilesOfOneIngest(self, name, replace, list(tags), options)
                result = self._ingest_address(str(source), downloads, together)
            return IngestedGraph(self, result)
        data = read_graph(source, **options)
        self.make_store()
        with self.writing():
            return IngestedGraph(self, load_graph(self, data, name=name, replace=replace, tags=tags))

    def _downloads(self) -> GraphDownloads:
        from circuit_atlas.remote.download import GraphDownloads

        # Above a progress bar, a line has to be written by tqdm.
        return GraphDownloads.from_environment(partial(tqdm.write, file=sys.stderr) if self.progress else None)

    def _ingest_address(self, text: str, downloads: GraphDownloads, together: FilesOfOneIngest) -> IngestResult:
        from circuit_atlas.store.from_address import ingest_address

        check_options(together.options)
        result = ingest_address(
            self,
            read_address(text, str(downloads.url)),
            downloads,
            together.store,
            name=None if together.name is None else check_name(together.name),
            replace=together.replace,
            tags=check_tags(together.tags),
            may_skip=self._driver is not None,
            has_options=any(value is not None for value in together.options.values()),
        )
        together.add(result.graph)
        return result

    def ingest_all(
        self,
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
            self.make_store()
            if bulk:
                return self._ingest_in_bulk(files, fail_fast, name, replace, tags, options)
            with self.writing():
                ensure_schema(self)  # before the threads, which would all try to

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

        n = len(files) + len(addresses)
        bar = tqdm(total=n, unit=" graphs", disable=None if self.progress and n > 1 else True)
        errors: list[AtlasError] = []
        results = []
        together = FilesOfOneIngest(self, name, replace, tags, options)
        with bar:
            # An interrupt does not wait for the files that are being stored: a program that ends leaves them as if it
            # were killed.
            for result in in_order(
                lambda path: tell(path, partial(together.store, path)), wanted(), side_by_side(files)
            ):
                results.append(result)
                bar.update()
            if errors and fail_fast:
                raise errors[0]
            if addresses:
                with self._downloads() as downloads:  # one after the other, so that no server has too many requests
                    for text in addresses:
                        fetch = partial(self._ingest_address, text, downloads, together)
                        results.append(tell(text, fetch))
                        if errors and fail_fast:
                            raise errors[0]
                        bar.update()
        return IngestResults.of(results)

    def _ingest_in_bulk(
        self, files: list[Path], fail_fast: bool, name: str | None, replace: bool, tags: list[str], options: ReadOptions
    ) -> IngestResults:
        from circuit_atlas.store.bulk import ingest_in_bulk

        server = self._local_server("be rebuilt by Neo4j's importer", "ingest without --bulk")
        with self._reopened(), self.writing():
            return ingest_in_bulk(
                self, server, files, name=name, replace=replace, tags=tags, fail_fast=fail_fast, options=options
            )

    attribute = attribute
    attribute_all = attribute_all

    def export(self, name: str, file: PathLike, *, overwrite: bool = False, circuit: str | None = None) -> ExportResult:
        """Write a stored graph to a file: `.pt` or `.json` of circuit-tracer, `.graphml`, or `.parquet` (two files).

        A graph that came from a `.pt` or `.json` comes out as it went in, with two exceptions: supernodes are those of
        now, and a label given by hand takes the place of the file's own (`clerp`), except in a `.pt`, which has none.

        Args:
            name: the graph's name.
            file: the file to write; its suffix gives the format.
            overwrite: whether a file may be overwritten.
            circuit: name of a circuit that a `.json` is to pin (`pinnedIds`), with all tokens and the most probable
                logit, instead of the nodes that the graph's own file pins.

        Raises:
            CircuitNotFoundError: the graph has no such circuit.
            GraphNotFoundError: no graph of that name is ready.
            InvalidArgumentError: unknown suffix.
            InputError: the file exists, cannot be written, or its format cannot hold a node.
            MissingExtraError: the format needs an extra that is not installed.
            DamagedGraphError: the stored graph is not what was ingested.
        """
        from circuit_atlas.export.formats import check_file, write_graph

        path = Path(file)
        check_file(path, overwrite=overwrite)
        if circuit is not None and path.suffix != ".json":
            raise InvalidArgumentError(f"only a .json can pin a circuit, not a {path.suffix}", where=str(path))
        refresh_collapsed(self, name)
        data = read_labelled(GraphHandle(self, name), circuit)
        write_graph(data, path)
        return ExportResult(file=str(path), nodes=len(data.nodes), edges=len(data.edges))

    def export_import_files(self, folder: PathLike, sources: Iterable[PathLike] = ()) -> ExportResult:
        """Write graphs as Parquet for the offline importer of a cluster or of Aura, with its command (`import.sh`) and
        the statements to run afterwards (`finish.cypher`).

        Args:
            folder: a new or empty folder.
            sources: names of stored graphs, and paths of graph files, which need not be stored; all stored graphs when
                empty. What is both is taken as a name.

        Raises:
            GraphNotFoundError: neither a graph nor a file has that name.
            GraphExistsError: two graphs have the same name.
            InputError: the folder is not empty, or a file cannot be read.
            MissingExtraError: the extra `parquet` is not installed.
        """
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.store.import_folder import write_import_folder
        from circuit_atlas.store.stored_rows import StoredRows

        wanted = list(map(str, sources))
        stored = {row["graph"] for row in set_rows(self, wanted, [])} if wanted else set()
        names = [source for source in wanted if source in stored or not os.path.exists(source)]
        files = graph_files(source for source in wanted if source not in names)
        for name in names:
            find_graph(self, name)
        if not wanted:
            names = [summary.graph for summary in self.graphs().graphs]
        with self.writing():
            return write_import_folder(Path(folder), StoredRows(self), names, map(read_graph, files))

    # --- the store ---

    verify = verify
    make_columns = make_columns

    def backup(self, file: PathLike, *, overwrite: bool = False) -> None:
        """Write the whole local store to a file with Neo4j's dump. Its server is stopped for that time.

        Raises:
            InvalidArgumentError: the database is not a local store.
            InputError: the file exists, or cannot be written.
            LocalServerError: the dump fails.
        """
        from circuit_atlas.store.backup import write_backup

        server = self._local_server(
            "be backed up here", "use the server's own `neo4j-admin database dump` or its snapshots"
        )
        path = Path(file)
        check_new(path, overwrite=overwrite)
        with self._reopened():
            write_backup(server, path, quiet=not self.progress)

    def restore(self, file: PathLike, *, replace: bool = False) -> None:
        """Restore the local store from a backup, all or nothing.

        Args:
            file: a file of `backup`.
            replace: whether what the store has may be overwritten.

        Raises:
            InvalidArgumentError: the database is not a local store, or has graphs or other data and `replace` is not
                set.
            InputError: the file does not exist.
            LocalServerError: the file is not a dump, or there is not enough disk space; the store is unchanged.
        """
        from circuit_atlas.store.backup import check_backup, load_backup, what_would_be_lost

        check_backup(Path(file))
        self.make_store()
        server = self._local_server("be restored here", "use the server's own `neo4j-admin database load`")

        def check_old() -> None:
            remove_leftovers(self)
            if not replace and (lost := what_would_be_lost(self)):
                raise InvalidArgumentError(
                    f"the store has {lost}, which would be lost",
                    fix="Restore into another store (--store), or pass --replace.",
                )

        with self._reopened():
            load_backup(server, Path(file), check_old, quiet=not self.progress)

    def _local_server(self, what: str, instead: str) -> LocalServer:
        if self._server is None:
            raise InvalidArgumentError(
                f"only a local store can {what}",
                fix=f"With NEO4J_URI, {instead}; `circuit-atlas export --import-files FOLDER` writes files for a "
                "server's own importer.",
            )
        self._server.check_store()
        return self._server

    @contextmanager
    def _reopened(self) -> Iterator[None]:
        """Connects again after a block that restarts the local server."""
        try:
            yield
        finally:
            self.close()
            assert self._server is not None
            self._connect(self._server.start(quiet=not self.progress))

    # --- across prompts ---

    feature = of_fresh_graphs(show_feature)
    common_features = of_fresh_graphs(common_features)
    only_features = of_fresh_graphs(only_features)
    enriched_features = of_fresh_graphs(enriched_features)
    enriched_edges = enriched_edges
    enriched_motifs = enriched_motifs
    recurring = of_fresh_graphs(recurring)
    recurring_motifs = recurring_motifs
    motifs = of_fresh_graphs(motifs)
    compare = of_fresh_graphs(compare)
    similar = similar_graphs
    clusters = cluster_graphs
    series = series

    def tag_groups(self, found: Clusters, prefix: str) -> Graphs:
        """Write the groups of an answer of `clusters` as tags: PREFIX-1, PREFIX-2 and so on. Such tags of an earlier
        answer are taken from these graphs. Returns the graphs with their tags.

        Args:
            found: the groups.
            prefix: how the tags begin.

        Raises:
            InvalidArgumentError: another graph has one of the tags, tags of this form were made otherwise, or the tags
                are not valid; nothing was changed.
            GraphNotFoundError: a graph was deleted while tags were written.
        """
        members, is_ours = set(found.graphs), re.compile(re.escape(prefix) + r"-\d+").fullmatch
        earlier = {tag.tag: tag.graphs for tag in self.tags().tags if is_ours(tag.tag)}
        if {int(tag.rpartition("-")[2]) for tag in earlier} != set(range(1, len(earlier) + 1)):
            raise InvalidArgumentError(
                f"tags such as {min(earlier)!r} already exist, but are not a full set of an earlier answer",
                fix="Give another prefix, or remove them.",
            )
        for tag, graphs in earlier.items():
            if others := [graph for graph in graphs if graph not in members]:
                raise InvalidArgumentError(
                    f"{others[0]!r} has the tag {tag!r} and is in none of the groups",
                    fix="Give another prefix, or remove the tag from it.",
                )
        tags = check_tags(f"{prefix}-{group.group}" for group in found.groups)  # all, before the first is written
        for group, tag in zip(found.groups, tags, strict=True):
            self.tag(*group.graphs, add=[tag], remove=earlier.keys() - {tag})
        return Graphs(graphs=[summary for summary in self.graphs().graphs if summary.graph in members])

    def view_clusters(self, found: Clusters) -> ClustersView:
        """The picture of an answer of `clusters`: its dendrogram, and the similarity of each two graphs as a heat map.
        A notebook shows it, and `save` writes it.

        Raises:
            InvalidArgumentError: there are more than 1,500 graphs, or the answer is not whole: a part of it, or read
                from JSON.
        """
        return ClustersView(found)

    def view_series(self, found: Series) -> SeriesView:
        """The picture of an answer of `series`, a line for each thing that is followed. A notebook shows it, and `save`
        writes it.

        Raises:
            InvalidArgumentError: there is nothing to draw.
        """
        return SeriesView(found)

    # --- explanations ---

    explain = explain
    import_explanations = import_explanations
    label = label_feature
    search = of_fresh_graphs(search_text)

    # --- pages ---

    serve = of_fresh_graphs(serve)

    def browse(
        self, what: str | None = None, parameters: Mapping[str, Any] | None = None, *, browser_url: str | None = None
    ) -> BrowserPage:
        """The address that opens Neo4j Browser with a picture ready to be drawn.

        Args:
            what: a graph, the id of a query of the catalogue, whose visual form is taken, or a Cypher statement; the
                graphs of the database when None.
            parameters: of the query.
            browser_url: address of Browser, if it is not the server's own at the usual port.

        Raises:
            GraphNotFoundError: neither a graph nor a query has that name.
            InvalidArgumentError: a parameter is missing, unknown or of the wrong type, or the statement is too long.
            ReadOnlyError: the statement would do more than read the database.
            CypherError: the text is not valid Cypher.
        """
        self._open_driver()
        refresh_collapsed(self, what or "")
        status = self._server.status() if self._server else None
        base = browser_url or (status.browser if status else None)
        page = browser_page(self, self._connection, what, dict(parameters or {}), base)
        return page._replace(password_file=status.password_file if status else None)

    # --- Cypher ---

    def query(self, query_id: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Rows of a query of the catalogue.

        Raises:
            QueryNotFoundError: no query has that id.
            InvalidArgumentError: a parameter is missing, unknown or of the wrong type.
            GraphNotFoundError: a parameter names a graph that does not exist.
            DamagedGraphError: the query needs what is not stored of the graph any more.
        """
        query = find_query(query_id)
        values = query.complete(dict(parameters or {}))
        old = []
        for name in ("graph", "a", "b"):
            if isinstance(values.get(name), str) and values[name]:
                graph = find_graph(self, values[name])
                old += age_notes(self, graph.properties)
                if values.get("bounds") is None:
                    check_tables(graph, query.cypher())
        found = Rows.of([column.name for column in query.columns], ask(self, query_id, **values))
        found.notes.extend(dict.fromkeys(old))
        return found

    def cypher(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> Rows:
        """Rows of any Cypher statement, at most 100,000.

        Args:
            text: the statement.
            parameters: of the statement.
            write: whether it may do more than read the database: write, load files, call any procedure.

        Raises:
            ReadOnlyError: it would do so, and `write` is not set; nothing was run.
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        if not write:
            check_read_only(self, text, dict(parameters or {}))
        result = self.run(text, dict(parameters or {}), write=write)
        return Rows.of(result.columns, result.rows)

    def plan(self, cypher: str, parameters: Mapping[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a query, by its id in the catalogue or as Cypher; with `profile` it is run and measured.

        Raises:
            ReadOnlyError: it is to be run, and would do more than read the database.
            CypherError: the server refused the statement.
        """
        values = dict(parameters or {})
        if cypher in catalogue():
            found = find_query(cypher)
            cypher, values = found.cypher(), found.complete(values)
        elif profile:
            check_read_only(self, cypher, values)
        return super().plan(cypher, values, profile=profile)
