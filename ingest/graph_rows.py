"""All that is stored of a graph, as rows: the one form that both the loader and the offline importer take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from circuit_atlas.graph.data import KINDS, EdgeExtra, EdgeStatistics, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges, column_rows
from circuit_atlas.ingest.path_tables import LabelledRow, path_table_rows
from circuit_atlas.ingest.qk_rows import NO_QK, QkRows, qk_rows
from circuit_atlas.ingest.rows import (
    Row,
    active_feature_rows,
    graph_properties,
    node_rows,
    supernode_rows,
    transcoder_feature_rows,
)
from circuit_atlas.schema.keys import Kind

SUMS_BLOCK = 1 << 23  # bytes


@dataclass(frozen=True)
class GraphRows:
    """Rows are properties by name, without `graph`: the writer adds the graph's name.

    `properties` are those of the `:Graph` node. `nodes` are labels and rows in order of ordinal.
    `transcoder_features` have `ordinal`, `source_set`, `component`, `layer` and `index`: which node is an activation of
    which transcoder feature.
    `supernodes` and `circuits` have their members' ordinals as `members`. `tables` are labels and rows of path tables;
    `active_features` are blocks of all features that are active on the prompt. `qk` are QK pairs. `tags` are names of
    collections. `is_labelled` says whether the file labels any node. `edge_statistics` are those of an aggregate,
    `sums` what it was added up from.
    """

    properties: Row
    nodes: Iterable[LabelledRow]
    transcoder_features: list[Row]
    supernodes: list[Row]
    tables: Iterable[LabelledRow]
    edges: PackedEdges
    edge_extras: tuple[EdgeExtra, ...] = ()
    active_features: tuple[Row, ...] = ()
    qk: QkRows = NO_QK
    tags: tuple[str, ...] = ()
    circuits: tuple[Row, ...] = ()
    is_labelled: bool = True
    edge_statistics: EdgeStatistics | None = None
    sums: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Numbers of nodes and edges."""
        return self.properties["nodes"], self.properties["edges"]

    def sum_rows(self, graph: str) -> Iterator[Row]:
        """Rows of `:AggregateSums`, of the graph with the name `graph`."""
        sums = self.sums or b""
        for block, begin in enumerate(range(0, len(sums), SUMS_BLOCK)):
            yield {"graph": graph, "block": block, "data": sums[begin : begin + SUMS_BLOCK]}

    def columns(self, graph: str) -> Iterator[Row]:
        """Rows of `:EdgeColumns`, under the name `graph`."""
        return column_rows(graph, self.properties["content_hash"], self.edges, self.size[0], self.edge_extras)


def graph_rows(data: GraphData, content: str, tags: Iterable[str] = ()) -> GraphRows:
    """The rows of a graph, including what is computed from it: influence, graph scores, path tables.

    Args:
        data: the graph.
        content: its `content_hash`.
        tags: names of collections that it belongs to.
    """
    edges = PackedEdges.of(data.edges, len(data.nodes))
    data = replace(data, edges=edges)  # what is computed from it need not read the file again
    order = topological_order(data.edges, data.nodes.depth)
    scores = compute_influence(data, order)
    is_token = data.nodes.kind == KINDS.index(Kind.TOKEN)
    return GraphRows(
        properties=graph_properties(data, scores, order is not None, content),
        nodes=((kind.label, row) for kind, row in node_rows(data, scores)),
        transcoder_features=transcoder_feature_rows(data),
        supernodes=supernode_rows(data),
        tables=path_table_rows(edges, is_token=is_token, order=order, input_sum=scores.input_sum),
        edges=edges,
        edge_extras=data.edge_extras,
        active_features=tuple(active_feature_rows(data)),
        qk=qk_rows(data),
        tags=tuple(tags),
        is_labelled=any(data.nodes.label),
        edge_statistics=data.statistics and data.statistics.edges,
        sums=data.sums,
    )
