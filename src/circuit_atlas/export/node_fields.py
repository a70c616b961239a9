"""The fields of a node in circuit-tracer's JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData, NodeColumns
from circuit_atlas.schema.keys import FEATURE_TYPES, TARGET, Kind


def node_fields(data: GraphData, i: int) -> dict[str, Any]:
    """The fields of the node with ordinal `i`: those of the JSON file that it came from, else circuit-tracer's."""
    return _file_fields(data.nodes, i) if data.nodes.source_id[i] is not None else _new_fields(data, i)


def node_id(data: GraphData, i: int) -> str:
    """The `node_id` of the node with ordinal `i`: the file's own, else circuit-tracer's, see `ingest/node_ids.py`.

    An error's index, which does not apply, is -1, as circuit-tracer writes it since 2026-07. In an aggregate, a node
    without a position has 0 for it, a token its place among the tokens; the target has the index 0, and the other
    logits 1.
    """
    nodes = data.nodes
    known = nodes.source_id[i]
    if known is not None:
        return known
    layer, index, position = _numbers(nodes, i)
    match KINDS[nodes.kind[i]]:
        case Kind.TOKEN:
            return f"E_{max(index, 0)}_{position}"
        case Kind.LOGIT:
            return f"{data.metadata.n_layers + 1}_{index}_{position}"
        case _:
            return f"{layer}_{index}_{position}"


def _numbers(nodes: NodeColumns, i: int) -> tuple[int, int, int]:
    """Layer, index and position of a node."""
    kind, index, position = KINDS[nodes.kind[i]], int(nodes.index[i]), int(nodes.position[i])
    if kind is Kind.LOGIT and index == NO_VALUE:
        index = int(nodes.label[i] != TARGET)
    if position == NO_VALUE:
        position = i - int(np.argmax(nodes.kind == nodes.kind[i])) if kind is Kind.TOKEN else 0
    return int(nodes.layer[i]), index, position


def _file_fields(nodes: NodeColumns, i: int) -> dict[str, Any]:
    extra = json.loads(nodes.extra[i] or "{}") if nodes.extra else {}
    if nodes.label[i] is not None:  # given by hand, where the file's own label says nothing
        extra.pop("clerp", None)
    fields = {
        "node_id": nodes.source_id[i],
        "feature_type": nodes.feature_type[i],
        "jsNodeId": nodes.js_node_id[i],
        "clerp": nodes.label[i],
        "ctx_idx": None if nodes.position[i] == NO_VALUE else int(nodes.position[i]),
        "influence": _number(nodes.cumulative_influence[i]),
        "activation": _number(nodes.activation[i]),
        "token_prob": _number(nodes.probability[i]),
    }
    return {**{name: value for name, value in fields.items() if value is not None}, **extra}


def _new_fields(data: GraphData, i: int) -> dict[str, Any]:
    nodes, kind = data.nodes, KINDS[data.nodes.kind[i]]
    layer, index, position = _numbers(nodes, i)
    js_node_id = {
        Kind.FEATURE: f"{layer}_{index}-0",
        Kind.ERROR: f"{layer}_{position}-0",
        Kind.TOKEN: f"E_{max(index, 0)}-{position}",
    }.get(kind, f"L_{index}-{position}")
    feature = {Kind.FEATURE: _cantor_pairing(layer, index), Kind.ERROR: -1, Kind.TOKEN: position}.get(kind, index)
    layers = {Kind.TOKEN: "E", Kind.LOGIT: str(data.metadata.n_layers + 1)}
    probability = _number(nodes.probability[i]) or 0.0
    fields = {
        "node_id": node_id(data, i),
        "feature": feature,
        "layer": layers.get(kind, str(layer)),
        "ctx_idx": position,
        "feature_type": FEATURE_TYPES[kind],
        "token_prob": probability,
        "is_target_logit": kind is Kind.LOGIT and (i == 0 or KINDS[nodes.kind[i - 1]] is not Kind.LOGIT),
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        "jsNodeId": js_node_id,
        "clerp": nodes.label[i] or "",
        "influence": _number(nodes.cumulative_influence[i]),
        "activation": _number(nodes.activation[i]),
    }
    if kind is Kind.LOGIT:
        fields["clerp"] = f'Output "{nodes.token[i] or nodes.label[i] or ""}" (p={probability:.3f})'
    return fields


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cantor_pairing(x: int, y: int) -> int:
    """How circuit-tracer packs layer and index of a feature into one number."""
    return (x + y) * (x + y + 1) // 2 + y
