"""Serves circuit-tracer's own web page on graphs of the database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
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
from circuit_atlas.schema.models import Supernode

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

    Graphs that came from a `.pt` and are stored whole are pruned for it, as `create_graph_files` does; others, such as
    collapsed graphs and aggregates, are shown as they are stored.

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
    """A graph as it is shown: one that is stored whole goes, as a `.pt`, through the reader that prunes."""
    from circuit_atlas.export.pt_file import write_pt
    from circuit_atlas.ingest import read_graph
    from circuit_atlas.queries.whole_graph import read_graph_data

    data = read_graph_data(graph)
    if not _is_whole(data):
        return data
    with TemporaryDirectory(prefix="circuit-atlas-") as folder:
        file = Path(folder) / "graph.pt"
        write_pt(data, file)
        pruned = read_graph(
            file, node_threshold=thresholds["node_threshold"], edge_threshold=thresholds["edge_threshold"]
        )
    places = {data.nodes.key(i): i for i in range(len(data.nodes))}
    kept = [places[pruned.nodes.key(i)] for i in range(len(pruned.nodes))]
    nodes = replace(
        pruned.nodes,
        token=[data.nodes.token[i] for i in kept],
        label=[data.nodes.label[i] for i in kept],
    )
    return replace(
        pruned,
        metadata=data.metadata.model_copy(update=thresholds),
        nodes=nodes,
        supernodes=kept_supernodes(data.supernodes, kept),
    )


def _is_whole(data: GraphData) -> bool:
    """Whether a graph is one that circuit-tracer would prune: as it was attributed, not yet pruned, collapsed or
    summed up with others."""
    metadata = data.metadata
    is_attributed = metadata.source_format not in ("json", "aggregate") and metadata.collapsed_from is None
    return is_attributed and metadata.node_threshold is None


def kept_supernodes(supernodes: Sequence[Supernode], kept: Sequence[int]) -> tuple[Supernode, ...]:
    """Supernodes of a graph of which some nodes are kept, without those that have no member left.

    Args:
        supernodes: those of the whole graph.
        kept: the ordinals there of the nodes that are kept, in their new order.
    """
    place = {ordinal: i for i, ordinal in enumerate(kept)}
    members = [tuple(sorted(place[i] for i in supernode.members if i in place)) for supernode in supernodes]
    return tuple(
        Supernode(name=supernode.name, members=left)
        for supernode, left in zip(supernodes, members, strict=True)
        if left
    )


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
