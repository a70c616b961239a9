"""One graph of a database, and what can be asked of it and done with it."""

from __future__ import annotations

from typing import Any

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.circuits import choose_circuit, delete_circuits, list_circuits, score_circuit
from circuit_atlas.database import Database
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.queries.count import count_paths
from circuit_atlas.queries.distribution import score_distribution
from circuit_atlas.queries.graph_tables import graph_edges, graph_nodes, graph_to_networkx, graph_to_pandas
from circuit_atlas.queries.graphs import GraphReference, find_graph, statistics
from circuit_atlas.queries.influence import contributors, edge_influence, influence_by, influence_by_length
from circuit_atlas.queries.motifs import graph_motifs
from circuit_atlas.queries.neighbors import neighbors, subgraph
from circuit_atlas.queries.nodes import node_details
from circuit_atlas.queries.paths import score_paths, search_paths
from circuit_atlas.queries.supernodes import list_supernodes, supernode_links
from circuit_atlas.schema.keys import collapsed_name
from circuit_atlas.supernodes import (
    copy_supernodes,
    create_supernode,
    create_supernodes_of_features,
    delete_supernodes,
    store_collapsed,
    suggest_supernodes,
)
from circuit_atlas.views.report import report_on
from circuit_atlas.views.view import view_circuit, view_graph, view_paths


@checks_arguments
class GraphHandle(GraphReference):
    """One graph of the database. Nodes are given by addresses, see `circuit_atlas.queries.addresses.resolve`.

    Its methods are functions of `circuit_atlas.queries`, `.views`, `.supernodes` and `.circuits`: the function that
    `paths` names has the signature and the documentation of `GraphHandle.paths`.
    """

    ingested: IngestResult | None = None
    """The result of storing the graph, if that was just done; see `Atlas.ingest` and `collapsed`."""

    nodes = graph_nodes
    edges = graph_edges
    to_pandas = graph_to_pandas
    to_networkx = graph_to_networkx

    stats = statistics
    node = node_details
    neighbors = neighbors
    subgraph = subgraph

    paths = search_paths
    score = score_paths
    count = count_paths
    score_distribution = score_distribution

    influence = contributors
    influence_by = influence_by
    influence_by_length = influence_by_length
    edge_influence = edge_influence
    motifs = graph_motifs

    supernodes = list_supernodes
    supernode_links = supernode_links
    create_supernode = create_supernode
    create_supernodes_of_features = create_supernodes_of_features
    suggest_supernodes = suggest_supernodes
    copy_supernodes = copy_supernodes
    delete_supernode = delete_supernodes

    circuit = choose_circuit
    score_circuit = score_circuit
    circuits = list_circuits
    delete_circuit = delete_circuits

    view = view_graph
    view_paths = view_paths
    view_circuit = view_circuit
    report = report_on

    def collapsed(self, weights: str | None = None) -> GraphHandle:
        """The graph collapsed by its supernodes, each of them one node: a graph of its own, `NAME:collapsed`, of which
        everything can be asked. It is stored if it does not exist or is out of date.

        Args:
            weights: `shares`, as circuit-tracer's subgraph draws links, or `sums` of direct effects; see
                `circuit_atlas.graph.collapse`. By default those of the collapsed graph that exists, at first `shares`.

        Raises:
            InvalidArgumentError: the graph has no supernodes, or is itself a collapsed graph; or `weights` is unknown.
            GraphNotFoundError: no graph of that name is ready.
            DamagedGraphError: the stored graph is not what was ingested.
        """
        handle = GraphHandle(self.database, collapsed_name(self.name))
        handle.ingested = store_collapsed(self, weights)
        return handle

    @property
    def metadata(self) -> dict[str, Any]:
        """The properties of the graph's `:Graph` node, the file's own metadata among them (as JSON text).

        Raises:
            GraphNotFoundError: no graph of that name is ready.
        """
        return find_graph(self.database, self.name).properties

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _repr_html_(self) -> str:
        return self.stats()._repr_html_()


class IngestedGraph(GraphHandle):
    """A graph that was just ingested."""

    ingested: IngestResult

    def __init__(self, database: Database, result: IngestResult) -> None:
        super().__init__(database, result.graph)
        self.ingested = result
