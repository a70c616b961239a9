"""The weights by which graphs are compared: those of their features, or of the effects between these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuit_atlas.database import Database, Rows
from circuit_atlas.queries.added_up import in_parts, read_graphs, read_nodes
from circuit_atlas.queries.checks import check_choice
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.limits import ALIGNMENTS, MEASURES, SIMILAR_BY

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64
    from circuit_atlas.graph.packed import PackedEdges
    from circuit_atlas.graph.similarity import GraphWeights


def check_comparison(by: str, measure: str, align: str) -> None:
    """Refuse unknown ways to compare graphs, see `similar_graphs`."""
    check_choice("by", by, SIMILAR_BY)
    check_choice("measure", measure, MEASURES)
    check_choice("align", align, ALIGNMENTS)


def read_weights(database: Database, sources: Rows, by: str, align: str, *, from_start: bool) -> GraphWeights:
    """The weights of graphs, rows of aggregates.sources. `from_start` is whether a first token is counted from the
    start where positions are relative."""
    from circuit_atlas.graph.similarity import GraphWeights

    def features(graphs: Sequence[StoredGraph]) -> list[tuple[list[str], Float64, None]]:
        found = read_nodes(graphs, align, from_start=from_start, prefix="feature:")
        return [(nodes.identity, nodes.influence, None) for nodes in found]

    def effects(graphs: Sequence[StoredGraph]) -> list[tuple[list[str], Float64, PackedEdges]]:
        found = read_graphs(graphs, align, from_start=from_start)
        return [(nodes.identity, nodes.influence, edges) for nodes, edges in found]

    weights = GraphWeights()
    for found in in_parts(database, sources, features if by == "feature" else effects, title="graphs"):
        weights.add(*found)
    return weights
