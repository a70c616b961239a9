"""The content hash, by which the same graph is recognised whatever its file's name and format."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy.typing as npt

from circuit_atlas.graph.data import NUMBERS, TEXTS, GraphData
from circuit_atlas.schema.models import AGGREGATE_FIELDS, COLLAPSED_FIELDS

_BLOCK = 1 << 20
NOT_CONTENT = {"slug", "source_format", "file_form", "warnings"}


def content_hash(data: GraphData) -> str:
    """SHA-256, in hex, of metadata, node columns and edges, without what depends on the file's name and format."""
    digest = hashlib.sha256(b"circuit-atlas graph 1\n")
    # Fields that only some graphs have count only there: graphs hashed before these fields existed keep their hash.
    unused = set(COLLAPSED_FIELDS if data.metadata.collapsed_from is None else ())
    unused |= set(AGGREGATE_FIELDS if data.metadata.aggregated_state is None else ())
    unused |= {name for name in ("lorsa_source_set", "aggregated_min_graphs") if getattr(data.metadata, name) is None}
    metadata = data.metadata.model_dump(mode="json", exclude=NOT_CONTENT | unused)
    digest.update(json.dumps(metadata, sort_keys=True).encode())
    for name in NUMBERS:
        digest.update(getattr(data.nodes, name).tobytes())
    digest.update(json.dumps([getattr(data.nodes, name) for name in TEXTS]).encode())
    # Blocks differ in size from source to source. One stream for each column makes the hash independent of that.
    streams = [hashlib.sha256() for _ in range(3)]
    for block in data.edges.blocks(_BLOCK):
        parts: tuple[npt.NDArray[Any], ...] = (block.target, block.source, block.weight)
        for stream, part in zip(streams, parts, strict=True):
            stream.update(part.tobytes())
    digest.update(json.dumps(data.edge_extras).encode())
    for stream in streams:
        digest.update(stream.digest())
    for columns in data.statistics or ():
        for column in columns:
            digest.update(column.tobytes())
    return digest.hexdigest()
