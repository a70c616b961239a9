"""Reads a stored graph back as its reader made it: the same metadata, node columns, edges and supernodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import (
    KINDS,
    NO_VALUE,
    ActiveFeatures,
    EdgeStatistics,
    GraphData,
    NodeColumns,
    NodeStatistics,
    Statistics,
)
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph, graph_query, rows_of_nodes
from circuit_atlas.queries.stored_edges import damaged, read_edges, read_relationships, read_statistics
from circuit_atlas.schema.models import FILE_FIELDS, GraphMetadata, Supernode

_LABELS = {kind.label: i for i, kind in enumerate(KINDS)}
Row = dict[str, Any]


@graph_query
def read_graph_data(graph: StoredGraph, *, relationships: bool = False) -> GraphData:
    """A graph as its reader made it, so that it has the same content hash.

    Args:
        graph: the graph.
        relationships: whether to read the edges from the relationships, not from their columns.

    Raises:
        GraphNotFoundError: no such graph is ready.
        DamagedGraphError: what is stored can't be one that was ingested.
    """
    stored = graph.properties
    nodes = list(_node_rows(graph))
    edges, extras = read_relationships(graph) if relationships else read_edges(graph)
    groups = ask(graph.database, "graphs.groups", graph=graph.name)[0]
    return GraphData(
        metadata=_metadata(stored),
        nodes=_columns(nodes),
        edges=edges,
        supernodes=tuple(Supernode(name=row["name"], members=tuple(row["members"])) for row in groups["supernodes"]),
        zero_links=stored["zero_links"],
        edge_extras=extras,
        active=_active(groups["active"]),
        statistics=_statistics(nodes, read_statistics(graph)),
    )


def _metadata(stored: Row) -> GraphMetadata:
    known = {name: value for name, value in stored.items() if name in GraphMetadata.model_fields}
    return GraphMetadata(**{**known, **{name: json.loads(stored.get(name, "{}")) for name in FILE_FIELDS}})


def _node_rows(graph: StoredGraph) -> Iterator[Row]:
    """Properties of all nodes, in order, with the place of each one's kind in `KINDS` as `kind`."""
    n = graph.properties["nodes"]
    seen = 0
    for row in rows_of_nodes(graph, "graphs.nodes"):
        kinds = [_LABELS[label] for label in row["labels"] if label in _LABELS]
        if row["ordinal"] != seen or len(kinds) != 1:
            raise damaged(f"the node {row['properties'].get('key')!r} is not the one with ordinal {seen}", graph.name)
        yield {**row["properties"], "kind": kinds[0]}
        seen += 1
    if seen != n:
        raise damaged(f"it has {seen:,} nodes instead of {n:,}", graph.name)


def _columns(rows: list[Row]) -> NodeColumns:
    """A `.pt` has no ids of nodes, and its reader makes no columns that only JSON files fill."""

    def numbers(name: str, dtype: Any, missing: float) -> npt.NDArray[Any]:
        return np.array([row.get(name, missing) for row in rows], dtype)

    def texts(name: str) -> list[str | None]:
        return [row.get(name) for row in rows]

    has_ids = any("source_id" in row for row in rows)
    return NodeColumns(
        kind=numbers("kind", np.int8, NO_VALUE),
        layer=numbers("layer", np.int32, NO_VALUE),
        position=numbers("position", np.int32, NO_VALUE),
        index=numbers("index", np.int64, NO_VALUE),
        activation=numbers("activation", np.float64, np.nan),
        probability=numbers("probability", np.float64, np.nan),
        cumulative_influence=numbers("cumulative_influence", np.float64, np.nan),
        token=texts("token"),
        label=texts("clerp"),
        source_id=texts("source_id"),
        js_node_id=texts("js_node_id") if has_ids else [],
        feature_type=texts("feature_type") if has_ids else [],
        extra=texts("extra") if has_ids else [],
        pinned=numbers("pinned", np.bool_, False) if has_ids else np.zeros(0, np.bool_),
    )


def _statistics(nodes: list[Row], edges: EdgeStatistics | None) -> Statistics | None:
    """The statistics of an aggregate's nodes and edges; None for any other graph."""
    if edges is None:
        return None
    graphs = np.array([row.get("graphs", 0) for row in nodes], np.int64)
    influence = np.array([row.get("mean_influence", np.nan) for row in nodes], np.float64)
    return Statistics(NodeStatistics(graphs, influence), edges)


def _active(blocks: list[Row]) -> ActiveFeatures | None:
    if not blocks:
        return None

    def column(name: str, dtype: Any) -> npt.NDArray[Any]:
        return np.concatenate([np.array(block.get(name, []), dtype) for block in blocks])

    layer, position, index, ordinal = (
        column(name, np.int64) for name in ("layers", "positions", "indices", "ordinals")
    )
    return ActiveFeatures(layer, position, index, column("activations", np.float64), ordinal)
