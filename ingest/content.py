"""The content hash: the same graph is recognised whatever its file is called and whatever it came in."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy.typing as npt
from circuit_atlas.schema.models import COLLAPSED_FIELDS

from circuit_atlas.graph.data import GraphData

_BLOCK = 1 << 20
_NOT_CONTENT = {"slug", "source_format", "file_form", "warnings"}


def content_hash(data: GraphData) -> str:
    """SHA-256, in hex, of metadata, node columns and edges; independent of the file's name and format."""
    digest = hashlib.sha256(b"circuit-atlas graph 1\n")
    others = COLLAPSED_FIELDS if data.metadata.collapsed_from is None else ()
    metadata = data.metadata.model_dump(mode="json", exclude=_NOT_CONTENT.union(others))
    digest.update(json.dumps(metadata, sort_keys=True).encode())
    nodes = data.nodes
    columns: tuple[npt.NDArray[Any], ...] = (
        nodes.kind,
        nodes.layer,
        nodes.position,
        nodes.index,
        nodes.activation,
        nodes.probability,
        nodes.cumulative_influence,
    )
    for column in columns:
        digest.update(column.tobytes())
    texts = [nodes.token, nodes.label, nodes.source_id, nodes.js_node_id, nodes.feature_type, nodes.extra]
    digest.update(json.dumps(texts).encode())
    streams = [hashlib.sha256() for _ in range(3)]
    for block in data.edges.blocks(_BLOCK):
        parts: tuple[npt.NDArray[Any], ...] = (block.target, block.source, block.weight)
        for stream, part in zip(streams, parts, strict=True):
            stream.update(part.tobytes())
    digest.update(json.dumps(data.edge_extras).encode())
    for stream in streams:
        digest.update(stream.digest())
    return digest.hexdigest()
