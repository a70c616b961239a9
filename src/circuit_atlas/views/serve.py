"""Serves circuit-tracer's own web page on graphs of the database."""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import InputError
from circuit_atlas.queries.checks import check_share
from circuit_atlas.queries.graphs import GraphReference, StoredGraph, graph_query, rows_of_nodes
from circuit_atlas.schema.limits import EDGE_THRESHOLD, NODE_THRESHOLD

if TYPE_CHECKING:
    from circuit_atlas.graph.data import GraphData
    from circuit_atlas.queries.node_results import Explanation


def serve(
    database: Database,
    *graphs: str,
    node_threshold: float | None = None,
    edge_threshold: float | None = None,
    port: int | None = None,
    output: str | os.PathLike[str] | None = None,
) -> ServedGraphs:
    """Serve circuit-tracer's own web page on graphs, on this machine alone, until the result is closed.

    Graphs that came from a `.pt` and are stored whole are pruned for it, see `graph.prune`; others, such as collapsed
    graphs and aggregates, are shown as they are stored.

    Args:
        database: the database.
        graphs: names of graphs.
        node_threshold: show the nodes that carry this share of the influence, by default 0.8.
        edge_threshold: show the edges that carry this share of the influence, by default 0.98.
        port: the port; by default 8041, or a free one if that is taken.
        output: a folder in which to keep the page's files; without one they are removed at the end.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        InvalidArgumentError: a graph cannot be pruned, or a threshold is not between 0 and 1.
        DatabaseError: the port is taken.
        InputError: the folder cannot be written to, or has what the page saved of other nodes of a graph.
        MissingExtraError: the extra `attribution` is not installed.
    """
    from circuit_atlas.views.frontend import FrontendServer, write_frontend_files

    given = {"node_threshold": node_threshold, "edge_threshold": edge_threshold}
    asked = {name: threshold for name, threshold in given.items() if threshold is not None}
    for name, threshold in asked.items():
        check_share(threshold, name)
    thresholds = {"node_threshold": NODE_THRESHOLD, "edge_threshold": EDGE_THRESHOLD, **asked}
    with ExitStack() as stack:
        if output is None:
            output = stack.enter_context(TemporaryDirectory(prefix="circuit-atlas-"))
        folder = Path(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot be created: {error.strerror}", where=str(folder), fix="Give another folder."
            ) from error
        slugs, notes = [], []
        for graph in tqdm(graphs, "writing", unit=" graphs", disable=None if database.progress else True):
            data, explanations = _shown(GraphReference(database, graph), thresholds)
            if any(getattr(data.metadata, name) != threshold for name, threshold in asked.items()):
                notes.append(f"{graph!r} is shown as it is stored: thresholds are for graphs that are stored whole.")
            slugs.append(write_frontend_files(folder, graph, data, explanations))
        server = FrontendServer(folder, port)
        stack.callback(server.stop)
        return ServedGraphs([server.page(slug) for slug in slugs], folder, notes, stack.pop_all())


@graph_query
def _shown(graph: StoredGraph, thresholds: dict[str, float]) -> tuple[GraphData, dict[str, list[Explanation]]]:
    return _pruned(graph, thresholds), _explained(graph)


def _pruned(graph: StoredGraph, thresholds: dict[str, float]) -> GraphData:
    from circuit_atlas.graph.prune import prune
    from circuit_atlas.queries.whole_graph import read_graph_data

    data = read_graph_data(graph)
    return prune(data, **thresholds) if _is_whole(data) else data


def _is_whole(data: GraphData) -> bool:
    """Whether a graph is one that circuit-tracer would prune: as it was attributed, not yet pruned, collapsed or
    summed up with others."""
    metadata = data.metadata
    is_attributed = metadata.source_format not in ("json", "aggregate") and metadata.collapsed_from is None
    return is_attributed and metadata.node_threshold is None


def _explained(graph: StoredGraph) -> dict[str, list[Explanation]]:
    """The explanations of a graph's features, by the keys of its nodes."""
    from circuit_atlas.queries.node_results import Explanation

    return {
        row["key"]: [
            Explanation(text=text, source=source)
            for text, source in zip_longest(row["explanations"], row["sources"], fillvalue="")
        ]
        for row in rows_of_nodes(graph, "nodes.explanations")
    }


class ServedGraphs:
    """circuit-tracer's page on some graphs, served until it is closed.

    `urls` open it with each of the graphs, in their order; `folder` holds its files; `notes` say what had no effect.
    """

    def __init__(self, urls: list[str], folder: Path, notes: list[str], resources: ExitStack) -> None:
        self.urls, self.folder, self.notes, self._resources = urls, folder, notes, resources

    def close(self) -> None:
        """Stop serving, and remove the files if nobody asked to keep them."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
