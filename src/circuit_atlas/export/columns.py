"""Nodes as columns of plain values, for formats that know neither circuit-tracer nor Neo4j."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuit_atlas.export.node_fields import node_id
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData

NODE_TYPES = {
    "ordinal": "long",
    "key": "string",
    "node_id": "string",
    "kind": "string",
    "layer": "long",
    "position": "long",
    "index": "long",
    "token": "string",
    "clerp": "string",
    "activation": "double",
    "probability": "double",
    "cumulative_influence": "double",
    "js_node_id": "string",
    "feature_type": "string",
    "pinned": "boolean",
    "extra": "string",
}
"""Properties of a node, named as in the database, and their types."""


def node_columns(data: GraphData) -> dict[str, list[Any]]:
    """All properties of `NODE_TYPES`, each a list as long as the graph has nodes; None where there is no value."""
    nodes = data.nodes
    n = len(nodes)
    nothing: list[Any] = [None] * n
    return {
        "ordinal": list(range(n)),
        "key": [nodes.key(i) for i in range(n)],
        "node_id": [node_id(data, i) for i in range(n)],
        "kind": [KINDS[kind].value for kind in nodes.kind],
        **{name: _integers(getattr(nodes, name)) for name in ("layer", "position", "index")},
        "token": nodes.token,
        "clerp": nodes.label,
        **{name: _floats(getattr(nodes, name)) for name in ("activation", "probability", "cumulative_influence")},
        "js_node_id": nodes.js_node_id or nothing,
        "feature_type": nodes.feature_type or nothing,
        "pinned": nodes.pinned.tolist() or nothing,
        "extra": nodes.extra or nothing,
    }


def _integers(column: np.ndarray) -> list[int | None]:
    return [None if value == NO_VALUE else value for value in column.tolist()]


def _floats(column: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124
