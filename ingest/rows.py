"""From columns to rows: properties of `:Graph`, `:Node`, `:TranscoderFeature`, `:Supernode`, `:ActiveFeatures`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData
from circuit_atlas.graph.influence import InfluenceScores
from circuit_atlas.ingest.node_names import node_name
from circuit_atlas.schema.keys import Component, Kind
from circuit_atlas.schema.limits import ACTIVE_BLOCK, MAX_NAME_LENGTH
from circuit_atlas.schema.models import FILE_FIELDS

Row = dict[str, Any]
_BLOCK = 1 << 20  # edges


def node_rows(data: GraphData, scores: InfluenceScores) -> Iterator[tuple[Kind, Row]]:
    """Kind and properties of every node, in order of ordinal. Properties without a value are left out."""
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
        "influence": scores.influence,
        "input_sum": scores.input_sum,
    }
    if data.statistics:
        integers["graphs"] = data.statistics.nodes.graphs
        floats["mean_influence"] = data.statistics.nodes.mean_influence
    for i in range(len(nodes)):
        name = node_name(nodes, i, data.metadata.tokens)[:MAX_NAME_LENGTH]
        row: Row = {"key": nodes.key(i), "ordinal": i, "name": name}
        row |= {name: int(column[i]) for name, column in integers.items() if column[i] != NO_VALUE}
        row |= {name: float(column[i]) for name, column in floats.items() if not np.isnan(column[i])}
        row |= {name: column[i] for name, column in texts.items() if column and column[i] is not None}
        component = nodes.component(i)
        if component:
            row["component"] = component.value
        if len(nodes.pinned) and nodes.pinned[i]:
            row["pinned"] = True
        yield KINDS[nodes.kind[i]], row


def transcoder_feature_rows(data: GraphData) -> list[Row]:
    """Ordinal, source set, component, layer and index of every feature node: which transcoder feature it is an
    activation of. A supernode in a collapsed graph has no index, and so no transcoder feature."""
    nodes, metadata = data.nodes, data.metadata
    features = np.flatnonzero((nodes.kind == KINDS.index(Kind.FEATURE)) & (nodes.index != NO_VALUE))
    sets = {Component.TRANSCODER: metadata.source_set, Component.LORSA: metadata.lorsa_source_set}
    return [
        {
            "ordinal": i,
            "source_set": sets[component],
            "component": component.value,
            "layer": int(nodes.layer[i]),
            "index": int(nodes.index[i]),
        }
        for i in features.tolist()
        if (component := nodes.component(i)) is not None
    ]


def supernode_rows(data: GraphData) -> list[Row]:
    """Name, order in the file and members' ordinals of every supernode."""
    return [
        {"name": supernode.name, "order": order, "source": "file", "members": list(supernode.members)}
        for order, supernode in enumerate(data.supernodes)
    ]


def active_feature_rows(data: GraphData) -> list[Row]:
    """Blocks of all active features (`ActiveFeatures`), none if the nodes say the same."""
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


def graph_properties(data: GraphData, scores: InfluenceScores, acyclic: bool, content: str) -> Row:
    """Properties of the `:Graph` node: metadata, with mappings as JSON text, and statistics."""
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
        "replacement_score": scores.replacement_score,
        "completeness_score": scores.completeness_score,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _weight_range(data: GraphData) -> tuple[float | None, float | None]:
    ranges = [(block.weight.min(), block.weight.max()) for block in data.edges.blocks(_BLOCK)]
    if not ranges:
        return None, None
    return float(min(low for low, _ in ranges)), float(max(high for _, high in ranges))
