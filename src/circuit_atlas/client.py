"""The Python API: `Atlas` is a database of graphs, with the same verbs as the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from circuit_atlas.aggregates import refresh_aggregate, store_aggregate
from circuit_atlas.arguments import checks_arguments
from circuit_atlas.attribution.stored import attribute, attribute_all
from circuit_atlas.config import Connection, chosen_connection, store_path
from circuit_atlas.cypher_text import is_cypher, without_comments
from circuit_atlas.database import Rows as RowsOfGraphs
from circuit_atlas.database import Tracer
from circuit_atlas.each import EachGraph
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError
from circuit_atlas.explain.fetch import explain
from circuit_atlas.explain.files import import_explanations
from circuit_atlas.explain.labels import label_feature, read_labelled
from circuit_atlas.export.results import ExportResult
from circuit_atlas.handle import GraphHandle, IngestedGraph
from circuit_atlas.ingest.delete import delete_graph
from circuit_atlas.ingest.files import graph_files
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.queries.checks import no_graphs
from circuit_atlas.queries.clusters import cluster_graphs
from circuit_atlas.queries.compare import compare
from circuit_atlas.queries.enriched import enriched_edges, enriched_features
from circuit_atlas.queries.features import common_features, only_features, show_feature
from circuit_atlas.queries.graph_sets import graph_rows, graph_set, old_notes, prompts_or_all, set_rows
from circuit_atlas.queries.graphs import StoredGraph, find_graph, list_graphs, list_tags
from circuit_atlas.queries.motifs import motifs
from circuit_atlas.queries.read_only import check_read_only
from circuit_atlas.queries.recurring import recurring
from circuit_atlas.queries.row_results import Rows
from circuit_atlas.queries.search import search_text
from circuit_atlas.queries.series import series
from circuit_atlas.queries.series_results import Series
from circuit_atlas.queries.shared_motifs import enriched_motifs, recurring_motifs
from circuit_atlas.queries.similar import similar_graphs
from circuit_atlas.queries.similar_results import Clusters
from circuit_atlas.queries.stored_tables import check_tables
from circuit_atlas.schema.keys import COLLAPSED
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT
from circuit_atlas.store.backup import backup, restore
from circuit_atlas.store.columns import make_columns
from circuit_atlas.store.ingest_files import ingest, ingest_all
from circuit_atlas.store.reconnecting import ReconnectingDatabase
from circuit_atlas.store.verify import verify
from circuit_atlas.supernodes import delete_collapsed, of_fresh_graphs, refresh_collapsed
from circuit_atlas.tags import tag_graphs, tag_groups
from circuit_atlas.views.browser import BrowserPage, browser_page
from circuit_atlas.views.clusters import ClustersView
from circuit_atlas.views.series import SeriesView
from circuit_atlas.views.serve import serve

PathLike = str | os.PathLike[str]
_GRAPHS = ("graph", "a", "b")  # parameters of queries that name a graph
# Parameters of queries that are sets of graphs: names, and tags.
_SETS = (("graphs", "tags"), ("without", "without_tags"), ("baseline", "baseline_tags"))


@checks_arguments
class Atlas(ReconnectingDatabase):
    """A database of attribution graphs.

    Without arguments: the server that `NEO4J_URI` names, or else the local server of the default store, which is
    started if it is not running and keeps running afterwards. A local store that does not exist is made by `ingest`,
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
        if connection is not None and store is not None:
            raise InvalidArgumentError("a connection and a store are two databases", fix="Give one of them.")
        connection, server = connection or chosen_connection(store), None
        if connection is None:
            from circuit_atlas.server import LocalServer

            server = LocalServer(store_path(store))
            if server.store.exists:
                connection = server.start(quiet=not progress)
        super().__init__(connection, server, timeout=timeout, tracer=tracer, progress=progress)

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
        """Several graphs, each of which is asked the same question: `atlas.each(tags=["analogies"]).paths(k=1)`. Its
        methods are the questions of `GraphHandle`, and the answers come together, see `circuit_atlas.each`.

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
    tag = tag_graphs

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
            for name in sorted(chosen, key=lambda name: not name.endswith(COLLAPSED)):  # before the graph it is of
                delete_collapsed(self, name)
                try:
                    delete_graph(self, name)
                except GraphNotFoundError:
                    find_graph(self, name)  # raises, and names the graphs that exist
                    raise
                delete_collapsed(self, name)  # if one was stored just now; from here on none can be
        return chosen

    # --- from files and prompts to graphs, and back ---

    ingest = ingest
    ingest_all = ingest_all
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
        refresh_collapsed(self, *(source for source in wanted if not os.path.exists(source)))
        stored = {row["graph"] for row in set_rows(self, wanted, [])} if wanted and self._has_store else set()
        names = [source for source in wanted if source in stored or not os.path.exists(source)]
        files = graph_files(source for source in wanted if source not in names)
        for name in names:
            find_graph(self, name)
        if not wanted:
            names = [summary.graph for summary in self.graphs().graphs]
        with self.writing() if self._has_store else nullcontext():
            return write_import_folder(Path(folder), StoredRows(self), names, map(read_graph, files))

    # --- the store ---

    verify = verify
    make_columns = make_columns
    backup = backup
    restore = restore

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
    tag_groups = tag_groups
    series = series

    def view_clusters(self, found: Clusters) -> ClustersView:
        """The picture of an answer of `clusters`: its dendrogram, and a heat map of the similarity of each pair of
        graphs. A notebook shows it, and `save` writes it.

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
            InvalidArgumentError: a parameter is missing, unknown or of the wrong type, or has an unknown value.
            GraphNotFoundError, NotFoundError: a parameter names a graph or a tag that does not exist.
            DamagedGraphError: the query needs what is not stored of the graph any more.
        """
        query = find_query(query_id)
        values = query.complete(dict(parameters or {}))
        graphs, rows = self._named(values)
        if values.get("bounds") is None:
            for graph in graphs:
                check_tables(graph, query.cypher())
        old = [note for graph in graphs for note in age_notes(self, graph.properties)] + old_notes(self, rows)
        found = Rows.of([column.name for column in query.columns], ask(self, query_id, **values))
        found.notes.extend(dict.fromkeys(old))
        return found

    def _named(self, values: Mapping[str, Any]) -> tuple[list[StoredGraph], RowsOfGraphs]:
        """The graphs that parameters of a query name one by one; and rows of `graph_rows` of those that they name in
        sets, where a tag stands for graphs of prompts alone.

        Raises:
            GraphNotFoundError, NotFoundError: see `query`.
        """
        graphs = [
            find_graph(self, values[name]) for name in _GRAPHS if isinstance(values.get(name), str) and values[name]
        ]
        rows: RowsOfGraphs = []
        for names, tags in _SETS:
            named = values.get(names) or []
            rows += [row for row in graph_rows(self, named, values.get(tags) or []) if row["graph"] in named]
        if values.get("tag"):
            graph_rows(self, [], [values["tag"]])
        return graphs, rows

    def cypher(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> Rows:
        """Rows of any Cypher statement, at most 100,000.

        Args:
            text: the statement.
            parameters: of the statement.
            write: whether it may do more than read the database: write, load files, call any procedure.

        Raises:
            InvalidArgumentError: it begins with a command of Neo4j Browser, such as `:param`.
            ReadOnlyError: it would do more than read, and `write` is not set; nothing was run.
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        if without_comments(text).lstrip().startswith(":"):
            raise InvalidArgumentError(
                "lines that begin with `:` are commands of Neo4j Browser",
                fix="Leave them out, and pass parameters separately (-p NAME=VALUE).",
            )
        if not write:
            check_read_only(self, text, dict(parameters or {}))
        result = self.run(text, dict(parameters or {}), write=write)
        return Rows.of(result.columns, result.rows)

    def plan(self, cypher: str, parameters: Mapping[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a query, by its id in the catalogue or as Cypher; with `profile` it is run and measured.

        Raises:
            ReadOnlyError: it is to be run, and would do more than read the database.
            CypherError: the server refused the statement.
            QueryNotFoundError, InvalidArgumentError, GraphNotFoundError, NotFoundError: see `query`.
        """
        values = dict(parameters or {})
        if not is_cypher(cypher):
            found = find_query(cypher)
            cypher, values = found.cypher(), found.complete(values)
            self._named(values)
        elif profile:
            check_read_only(self, cypher, values)
        return super().plan(cypher, values, profile=profile)
