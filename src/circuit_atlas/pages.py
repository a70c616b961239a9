"""Pages of others, filled from the database: `Atlas.browse`, `Atlas.serve`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tqdm import tqdm

from circuit_atlas.attributions import Attributions
from circuit_atlas.errors import GraphNotFoundError, InputError
from circuit_atlas.open_database import PathLike
from circuit_atlas.queries import catalogue, find_query
from circuit_atlas.queries import graphs as graph_questions

if TYPE_CHECKING:
    from circuit_atlas.graph.data import GraphData
    from circuit_atlas.queries.results import Explanation

NODE_THRESHOLD, EDGE_THRESHOLD = 0.8, 0.98  # of circuit-tracer's create_graph_files
_NODES_AT_ONCE = 10_000


class BrowserPage(NamedTuple):
    """Neo4j Browser, with a statement to run.

    `url` opens it with `statement`, of `graph` if it is about one, in its editor; it asks for the password of
    `username`, which is in `password_file` (None when the server is not the local one).
    """

    url: str
    statement: str
    graph: str | None
    username: str
    password_file: str | None


class Pages(Attributions):
    """Neo4j Browser and circuit-tracer's frontend; see `Atlas`."""

    def browse(
        self, what: str | None = None, parameters: Mapping[str, Any] | None = None, *, browser_url: str | None = None
    ) -> BrowserPage:
        """Where Neo4j Browser opens with a picture ready to be drawn.

        Args:
            what: a graph, the id of a query of the catalogue, whose visual form is taken, or a Cypher statement; the
                graphs of the database when None.
            parameters: of the query.
            browser_url: address of Browser, where it is not the server's own at the usual port.

        Raises:
            GraphNotFoundError: neither a graph nor a query has that name.
            InvalidArgumentError: a parameter is missing, unknown or of the wrong type, or the statement is too long.
        """
        from circuit_atlas.views.browser import browser_address, browser_of

        statement, graph = self._drawing(what, dict(parameters or {}))
        status = self._server.status() if self._server else None
        base = browser_url or (status and status.browser) or browser_of(self._connection.uri)
        url = browser_address(
            base, self._connection.uri, self._connection.username, self._connection.database, statement
        )
        return BrowserPage(url, statement, graph, self._connection.username, status.password_file if status else None)

    def _drawing(self, what: str | None, parameters: dict[str, Any]) -> tuple[str, str | None]:
        from circuit_atlas.views.browser import drawn, filled

        if what is None or what in catalogue():
            return drawn(find_query(what or "graphs.list"), parameters), parameters.get("graph")
        try:
            graph_questions.find_graph(self._runner, what)
        except GraphNotFoundError:
            if any(character.isspace() for character in what):  # Cypher
                return filled(what, parameters), parameters.get("graph")
            raise
        return drawn(find_query("graphs.stats"), {"graph": what, **parameters}), what

    def serve(
        self,
        *graphs: str,
        node_threshold: float = NODE_THRESHOLD,
        edge_threshold: float = EDGE_THRESHOLD,
        port: int | None = None,
        output: PathLike | None = None,
    ) -> ServedGraphs:
        """Serve circuit-tracer's own web page on graphs, on this machine alone, until the answer is closed.

        Graphs that came from a `.pt` and are stored whole are pruned for it, as `create_graph_files` does; others are
        shown as they are stored.

        Args:
            graphs: their names.
            node_threshold: share of influence that the nodes shown carry.
            edge_threshold: share of influence that the edges shown carry.
            port: the port; by default 8041, or a free one when that is taken.
            output: a folder where the page's files stay; else they are removed at the end.

        Raises:
            GraphNotFoundError: no such graph is ready.
            InvalidArgumentError: a graph cannot be pruned, or a threshold is not between 0 and 1.
            DatabaseError: the port is taken.
            InputError: the folder cannot be written to.
            MissingExtraError: the extra `attribution` is not installed.
        """
        from circuit_atlas.views.frontend import FrontendServer, write_frontend_files

        with ExitStack() as stack:
            if output is None:
                output = stack.enter_context(TemporaryDirectory(prefix="circuit-atlas-"))
            folder = Path(output)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"cannot be made: {error.strerror}", where=str(folder), fix="Give another folder."
                ) from error
            slugs = []
            for graph in tqdm(graphs, "writing", unit=" graphs", disable=None if self._progress else True):
                data = self._pruned(graph, node_threshold, edge_threshold)
                slugs.append(write_frontend_files(folder, graph, data, self._explained(graph)))
            server = FrontendServer(folder, port)
            stack.callback(server.stop)
            return ServedGraphs([server.page(slug) for slug in slugs], folder, stack.pop_all())

    def _pruned(self, graph: str, node_threshold: float, edge_threshold: float) -> GraphData:
        """A graph as it is shown: one that is stored whole goes through the reader that prunes, by way of a `.pt`."""
        from circuit_atlas.export.pt_file import write_pt
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.queries.whole_graph import read_graph_data

        data = read_graph_data(self._runner, graph)
        if data.metadata.source_format == "json" or data.metadata.node_threshold is not None:
            return data
        with TemporaryDirectory(prefix="circuit-atlas-") as folder:
            file = Path(folder) / "graph.pt"
            write_pt(data, file)
            pruned = read_graph(file, node_threshold=node_threshold, edge_threshold=edge_threshold)
        thresholds = {"node_threshold": node_threshold, "edge_threshold": edge_threshold}
        places = {data.nodes.key(i): i for i in range(len(data.nodes))}
        kept = [places[pruned.nodes.key(i)] for i in range(len(pruned.nodes))]
        nodes = replace(
            pruned.nodes,
            token=[data.nodes.token[i] for i in kept],
            label=[data.nodes.label[i] for i in kept],
        )
        return replace(pruned, metadata=data.metadata.model_copy(update=thresholds), nodes=nodes)

    def _explained(self, graph: str) -> dict[str, list[Explanation]]:
        """The explanations of a graph's features, by the keys of its nodes."""
        from circuit_atlas.queries.results import Explanation

        stop = graph_questions.find_graph(self._runner, graph)["graph"]["nodes"]
        rows = (
            row
            for first in range(0, stop, _NODES_AT_ONCE)
            for row in self._runner.ask("nodes.explanations", graph=graph, first=first, stop=first + _NODES_AT_ONCE)
        )
        return {
            row["key"]: [
                Explanation(text=text, source=source)
                for text, source in zip_longest(row["explanations"], row["sources"], fillvalue="")
            ]
            for row in rows
        }


class ServedGraphs:
    """circuit-tracer's page on some graphs, served until it is closed.

    `urls` open it with each of the graphs, in their order; `folder` holds its files.
    """

    def __init__(self, urls: list[str], folder: Path, resources: ExitStack) -> None:
        self.urls, self.folder, self._resources = urls, folder, resources

    def close(self) -> None:
        """Stop serving, and remove the files if nobody asked to keep them."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
