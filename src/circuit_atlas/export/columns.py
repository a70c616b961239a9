"""Nodes as columns of plain values, for GraphML and Parquet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from circuit_atlas.export.node_fields import node_id
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData
from circuit_atlas.schema.properties import LABELS, STRING

_STORED = LABELS["Node"].properties
_NAMES = (
    "ordinal",
    "key",
    "node_id",
    "kind",
    "layer",
    "position",
    "index",
    "token",
    "clerp",
    "activation",
    "probability",
    "cumulative_influence",
    "js_node_id",
    "feature_type",
    "component",
    "pinned",
    "extra",
)
NODE_TYPES = {name: _STORED[name].type if name in _STORED else STRING for name in _NAMES}
"""The columns and their types, named as the properties in the database; `node_id` and `kind` are added."""


def node_columns(data: GraphData) -> dict[str, list[Any]]:
    """The columns of `NODE_TYPES`: lists of length n, in order of ordinal; None for a value that does not apply."""
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
        "component": [nodes.component(i) and str(nodes.component(i)) for i in range(n)],
        "pinned": nodes.pinned.tolist() or nothing,
        "extra": nodes.extra or nothing,
    }


def _integers(column: np.ndarray) -> list[int | None]:
    return [None if value == NO_VALUE else value for value in column.tolist()]


def _floats(column: np.ndarray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]
