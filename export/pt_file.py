"""Writes circuit-tracer's `.pt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from circuit_atlas.arrays.graph_data import KINDS, NO_VALUE, GraphData, Int64, NodeColumns
from circuit_atlas.errors import InputError, MissingExtraError
from circuit_atlas.export.output import replacing
from circuit_atlas.schema.keys import Kind

_BLOCK = 1 << 20
_FEATURE, _ERROR, _TOKEN, _LOGIT = (KINDS.index(kind) for kind in (Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT))


def write_pt(data: GraphData, path: Path) -> None:
    """Write a graph with `Graph.to_pt` of circuit-tracer: `adjacency_matrix[target, source]`, float32 (n, n).

    The matrix holds every error and token of the prompt, also those that a pruned graph lacks: they have no
    direct effects. Only the matrix is held in memory.

    Raises:
        InputError: the graph has nodes that a `.pt` has no place for, or the file cannot be written.
        MissingExtraError: the extra `attribution` is not installed.
    """
    try:
        import torch  # noqa: PLC0415
        from circuit_tracer import Graph  # noqa: PLC0415
        from circuit_tracer.attribution.targets import LogitTarget  # noqa: PLC0415
        from circuit_tracer.utils.tl_nnsight_mapping import UnifiedConfig  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "writing a .pt needs circuit-tracer", fix="pip install 'circuit-atlas[attribution]'"
        ) from error
    nodes, metadata = data.nodes, data.metadata
    place = _matrix_places(data)
    features, logits = np.flatnonzero(nodes.kind == _FEATURE), np.flatnonzero(nodes.kind == _LOGIT)
    columns = np.stack([nodes.layer[features], nodes.position[features], nodes.index[features]], axis=1)
    graph = Graph(
        input_string=metadata.prompt,
        input_tokens=torch.from_numpy(_token_ids(nodes, metadata.n_pos)),
        active_features=torch.from_numpy(columns.astype(np.int64)),
        adjacency_matrix=torch.from_numpy(_matrix(data, place)),
        cfg=UnifiedConfig(**_config(data)),
        selected_features=torch.arange(len(features)),
        activation_values=torch.from_numpy(np.nan_to_num(nodes.activation[features]).astype(np.float32)),
        logit_targets=[LogitTarget(nodes.token[i] or "", int(nodes.index[i])) for i in logits],
        logit_probabilities=torch.from_numpy(np.nan_to_num(nodes.probability[logits]).astype(np.float32)),
        scan=metadata.scan or metadata.source_set,
        vocab_size=metadata.vocab_size,
    )
    with replacing(path) as temporary:
        graph.to_pt(str(temporary))


def _matrix_places(data: GraphData) -> Int64:
    """Row of each node in the matrix: features, errors (layer by layer), tokens, logits."""
    nodes, n_layers, n_pos = data.nodes, data.metadata.n_layers, data.metadata.n_pos
    odd = ~np.isin(nodes.kind, (_FEATURE, _ERROR, _TOKEN, _LOGIT)) | (
        (nodes.kind == _ERROR) & (nodes.index != NO_VALUE)
    )
    inside = (nodes.layer < n_layers) & (nodes.position < n_pos) & (nodes.position >= 0)
    if (odd | ~inside).any():
        i = int(np.argmax(odd | ~inside))
        raise InputError(
            f"a .pt has no place for the node {nodes.key(i)}", where=data.metadata.slug, fix="Write it as .json."
        )
    n_features = data.nodes.count(Kind.FEATURE)
    first_token = n_features + n_layers * n_pos
    place = np.empty(len(nodes), np.int64)
    place[nodes.kind == _FEATURE] = np.arange(n_features)
    errors, tokens = nodes.kind == _ERROR, nodes.kind == _TOKEN
    place[errors] = n_features + nodes.layer[errors].astype(np.int64) * n_pos + nodes.position[errors]
    place[tokens] = first_token + nodes.position[tokens]
    place[nodes.kind == _LOGIT] = first_token + n_pos + np.arange(nodes.count(Kind.LOGIT))
    return place


def _matrix(data: GraphData, place: Int64) -> npt.NDArray[np.float32]:
    metadata, count = data.metadata, data.nodes.count
    n = count(Kind.FEATURE) + metadata.n_layers * metadata.n_pos + metadata.n_pos + count(Kind.LOGIT)
    matrix = np.zeros((n, n), np.float32)
    for block in data.edges.blocks(_BLOCK):
        matrix[place[block.target], place[block.source]] = block.weight
    return matrix


def _token_ids(nodes: NodeColumns, n_pos: int) -> Int64:
    ids = np.zeros(n_pos, np.int64)
    tokens = nodes.kind == _TOKEN
    ids[nodes.position[tokens]] = np.maximum(nodes.index[tokens], 0)
    return ids


def _config(data: GraphData) -> dict[str, Any]:
    """The model's configuration as far as it is known; circuit-tracer asks for all of these."""
    unknown = dict.fromkeys(("d_model", "d_head", "n_heads", "d_mlp"), 0)
    names = {"tokenizer_name": data.metadata.model, "model_name": data.metadata.model, "original_architecture": ""}
    known = {"n_layers": data.metadata.n_layers, "d_vocab": data.metadata.vocab_size or 0}
    saved = data.metadata.file_metadata.get("cfg")
    fields = {**unknown, **names, **known}
    return fields | ({k: v for k, v in saved.items() if k in fields} if isinstance(saved, dict) else {})
