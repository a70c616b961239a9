"""Rows of the database from columns: properties of `:Node`, `:TranscoderFeature`, `:Supernode`, `:Graph`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from circuit_atlas.ingest.labels import MAX_LENGTH
from circuit_atlas.ingest.node_names import node_name
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import ACTIVE_BLOCK
from circuit_atlas.schema.models import FILE_FIELDS

from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData
from circuit_atlas.graph.influence import InfluenceScores

Row = dict[str, Any]


def node_rows(data: GraphData, flow: InfluenceScores) -> Iterator[tuple[Kind, Row]]:
    """Kind and properties of every node, in order of ordinal; properties without a value are left out."""
    nodes = data.nodes
    texts = {
        "token": nodes.token,
        "clerp": nodes.label,
        "source_id": nodes.source_id,
        "js_node_id": nodes.js_node_id,
        "feature_type": nodes.feature_type,
        "extra": nodes.extra,
    }
    integers: dict[str, npt.NDArray[Any]] = {"layer": nodes.layer, "position": nodes.position, "index": nodes.index}
    floats = {
        "activation": nodes.activation,
        "probability": nodes.probability,
        "cumulative_influence": nodes.cumulative_influence,
        "influence": flow.influence,
        "input_sum": flow.input_sum,
    }
    for i in range(len(nodes)):
        row: Row = {"key": nodes.key(i), "ordinal": i, "name": node_name(nodes, i, data.metadata.tokens)[:MAX_LENGTH]}
        row |= {name: int(column[i]) for name, column in integers.items() if column[i] != NO_VALUE}
        row |= {name: float(column[i]) for name, column in floats.items() if not np.isnan(column[i])}
        row |= {name: column[i] for name, column in texts.items() if column and column[i] is not None}
        if len(nodes.pinned) and nodes.pinned[i]:
            row["pinned"] = True
        yield KINDS[nodes.kind[i]], row


def transcoder_feature_rows(data: GraphData) -> list[Row]:
    """Ordinal, layer and index of every feature node: which transcoder feature it is an activation of. A supernode of
    features is one of none."""
    nodes = data.nodes
    features = np.flatnonzero((nodes.kind == KINDS.index(Kind.FEATURE)) & (nodes.index != NO_VALUE))
    return [{"ordinal": int(i), "layer": int(nodes.layer[i]), "index": int(nodes.index[i])} for i in features]


def supernode_rows(data: GraphData) -> list[Row]:
    """Name, place in the file and member ordinals of every supernode."""
    return [
        {"name": supernode.name, "order": order, "source": "file", "members": list(supernode.members)}
        for order, supernode in enumerate(data.supernodes)
    ]


def active_feature_rows(data: GraphData) -> list[Row]:
    """Blocks of all active features, where they are kept; see `ActiveFeatures`."""
    active = data.active
    if active is None:
        return []
    columns: dict[str, npt.NDArray[Any]] = {
        "layers": active.layer,
        "positions": active.position,
        "indices": active.index,
        "ordinals": active.ordinal,
        "activations": active.activation,
    }
    return [
        {"block": block}
        | {name: column[start : start + ACTIVE_BLOCK].tolist() for name, column in columns.items() if len(column)}
        for block, start in enumerate(range(0, len(active), ACTIVE_BLOCK))
    ]


def graph_properties(data: GraphData, flow: InfluenceScores, acyclic: bool, content: str) -> Row:
    """Properties of the `:Graph` node, statistics among them; mappings of the file as JSON text."""
    metadata = data.metadata.model_dump(exclude=set(FILE_FIELDS))
    files = {name: json.dumps(getattr(data.metadata, name), ensure_ascii=False) for name in FILE_FIELDS}
    n, n_edges = len(data.nodes), len(data.edges)
    counts = {f"{kind.value}_nodes": data.nodes.count(kind) for kind in KINDS}
    low, high = _weight_range(data)
    properties = {
        **metadata,
        **files,
        **counts,
        "nodes": n,
        "edges": n_edges,
        "density": n_edges / (n * n) if n else 0.0,
        "weight_min": low,
        "weight_max": high,
        "zero_links": data.zero_links,
        "acyclic": acyclic,
        "content_hash": content,
        "replacement_score": flow.replacement_score,
        "completeness_score": flow.completeness_score,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _weight_range(data: GraphData) -> tuple[float | None, float | None]:
    ranges = [(block.weight.min(), block.weight.max()) for block in data.edges.blocks(1 << 20)]
    if not ranges:
        return None, None
    return float(min(low for low, _ in ranges)), float(max(high for _, high in ranges))
