"""Writes circuit-tracer's `.pt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuit_atlas.errors import InputError, needs_extra
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData, Int64, NodeColumns
from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, Kind
from circuit_atlas.schema.source_sets import pair_of

if TYPE_CHECKING:
    import torch

_BLOCK = 1 << 20
_FEATURE, _ERROR, _TOKEN, _LOGIT = (KINDS.index(kind) for kind in (Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT))
_DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
_CONFIG: dict[str, Any] = {
    **dict.fromkeys(("n_layers", "d_model", "d_head", "n_heads", "d_mlp", "d_vocab"), 0),
    **dict.fromkeys(("tokenizer_name", "model_name", "original_architecture"), ""),
    **dict.fromkeys(("n_key_value_heads", "dtype")),
}


def write_pt(data: GraphData, path: Path) -> None:
    """Write a graph with circuit-tracer's `Graph.to_pt`: `adjacency_matrix[target, source]`, (n, n).

    A graph that was read from a `.pt` gets the same tensors, with the same dtypes. Otherwise the matrix is float32, and
    it has a row and column for every error and token of the prompt, as circuit-tracer requires: those that a pruned
    graph lacks have no direct effects. The matrix must fit in memory.

    Raises:
        InputError: the graph has nodes that a `.pt` cannot express, the matrix does not fit in memory, or the file
            cannot be written.
        MissingExtraError: the extra `attribution` is not installed.
    """
    with needs_extra("attribution", "writing a .pt"):
        import torch
        from circuit_tracer import Graph
        from circuit_tracer.attribution.targets import LogitTarget
        from circuit_tracer.utils.tl_nnsight_mapping import UnifiedConfig
    nodes, metadata = data.nodes, data.metadata
    if not metadata.n_layers:
        raise InputError("a .pt needs at least one layer", where=metadata.slug, fix="Write it as .json.")
    dtypes = _saved_dtypes(metadata.file_form)
    row = _matrix_rows(data)
    logits = np.flatnonzero(nodes.kind == _LOGIT)
    active, selected, activations = _features(data)

    def tensor(name: str, values: Any, default: str) -> torch.Tensor:
        return torch.from_numpy(values).to(getattr(torch, dtypes.get(name, default)))

    graph = Graph(
        input_string=metadata.prompt,
        input_tokens=tensor("input_tokens", _token_ids(nodes, metadata.n_pos), "int64"),
        active_features=tensor("active_features", active, "int64"),
        adjacency_matrix=_matrix(data, row, dtypes.get("adjacency_matrix", "float32")),
        cfg=UnifiedConfig(**_config(data, torch)),
        selected_features=tensor("selected_features", selected, "int64"),
        activation_values=tensor("activation_values", np.nan_to_num(activations), "float32"),
        logit_targets=[
            LogitTarget(text, int(nodes.index[i])) for text, i in zip(_logit_texts(data, logits), logits, strict=True)
        ],
        logit_probabilities=tensor("logit_probabilities", np.nan_to_num(nodes.probability[logits]), "float32"),
        scan=_scan(data),
        vocab_size=metadata.vocab_size,
    )
    with replacing(path) as temporary:
        try:
            graph.to_pt(str(temporary))
        except RuntimeError as error:  # torch's form of an OSError
            raise InputError(
                "cannot be written: torch could not write all of it",
                where=str(path),
                fix="Check that the disk has space, or write .json.",
            ) from error


def _saved_dtypes(file_form: dict[str, Any]) -> dict[str, str]:
    """The dtypes of the tensors in the `.pt` that the graph came from, by field."""
    return {name: dtype for name, dtype in file_form.get("dtypes", {}).items() if dtype in _DTYPES}


def _features(data: GraphData) -> tuple[Int64, Int64, np.ndarray]:
    """`active_features`, int64 (m, 3) of layer, position, index; `selected_features`, int64 (k,), indices into it; and
    `activation_values`, of all active features or of the selected ones."""
    nodes, active = data.nodes, data.active
    features = np.flatnonzero(nodes.kind == _FEATURE)
    if active is None:
        columns = np.stack([nodes.layer[features], nodes.position[features], nodes.index[features]], axis=1)
        return columns.astype(np.int64), np.arange(len(features)), nodes.activation[features]
    has_node = np.flatnonzero(active.ordinal != NO_VALUE)
    selected = np.empty(len(has_node), np.int64)
    selected[active.ordinal[has_node]] = has_node
    activations = active.activation if len(active.activation) else nodes.activation[features]
    return np.stack([active.layer, active.position, active.index], axis=1), selected, activations


def _matrix_rows(data: GraphData) -> Int64:
    """The row and column of each node in the matrix, int64 (n,): features, errors (layer by layer), tokens, logits."""
    nodes, n_layers, n_pos = data.nodes, data.metadata.n_layers, data.metadata.n_pos
    odd = ~np.isin(nodes.kind, (_FEATURE, _ERROR, _TOKEN, _LOGIT)) | (
        (nodes.kind == _ERROR) & (nodes.index != NO_VALUE)
    )
    parts = (nodes.component(i) in ATTENTION_COMPONENTS or nodes.is_supernode(i) for i in range(len(nodes)))
    odd |= np.fromiter(parts, np.bool_, len(nodes))
    # A logit of an aggregate has no index. All logits of a `.pt` are at the last position, and each occurs once.
    logits = np.flatnonzero(nodes.kind == _LOGIT)
    is_again = np.ones(len(logits), np.bool_)
    is_again[np.unique(nodes.index[logits], return_index=True)[1]] = False
    odd[logits] |= (nodes.index[logits] == NO_VALUE) | (nodes.position[logits] != n_pos - 1) | is_again
    inside = (nodes.layer < n_layers) & (nodes.position < n_pos) & (nodes.position >= 0)
    if (odd | ~inside).any():
        i = int(np.argmax(odd | ~inside))
        raise InputError(
            f"a .pt has no place for the node {nodes.key(i)}", where=data.metadata.slug, fix="Write it as .json."
        )
    n_features = data.nodes.count(Kind.FEATURE)
    first_token = n_features + n_layers * n_pos
    row = np.empty(len(nodes), np.int64)
    row[nodes.kind == _FEATURE] = np.arange(n_features)
    errors, tokens = nodes.kind == _ERROR, nodes.kind == _TOKEN
    row[errors] = n_features + nodes.layer[errors].astype(np.int64) * n_pos + nodes.position[errors]
    row[tokens] = first_token + nodes.position[tokens]
    row[nodes.kind == _LOGIT] = first_token + n_pos + np.arange(nodes.count(Kind.LOGIT))
    return row


def _matrix(data: GraphData, row: Int64, dtype: str) -> torch.Tensor:
    import torch

    metadata, count = data.metadata, data.nodes.count
    n = count(Kind.FEATURE) + metadata.n_layers * metadata.n_pos + metadata.n_pos + count(Kind.LOGIT)
    try:
        matrix = torch.zeros((n, n), dtype=getattr(torch, dtype))
    except RuntimeError as error:  # torch's form of a MemoryError
        raise InputError(
            f"a .pt has a matrix of {n:,} rows and columns, which does not fit in memory",
            where=metadata.slug,
            fix="Write it as .json or .parquet.",
        ) from error
    for block in data.edges.blocks(_BLOCK):
        target, source = (torch.from_numpy(row[ends]) for ends in (block.target, block.source))
        weight = torch.from_numpy(np.ascontiguousarray(block.weight)).to(matrix.dtype)
        if not (torch.isfinite(weight) & (weight != 0)).all():
            raise InputError(
                f"some weights of this graph are too large or too small for {dtype}",
                where=metadata.slug,
                fix="Write it as .json or .parquet.",
            )
        matrix[target, source] = weight
    return matrix


def _token_ids(nodes: NodeColumns, n_pos: int) -> Int64:
    ids = np.zeros(n_pos, np.int64)
    tokens = nodes.kind == _TOKEN
    ids[nodes.position[tokens]] = np.maximum(nodes.index[tokens], 0)
    return ids


def _logit_texts(data: GraphData, logits: np.ndarray) -> list[str]:
    texts = data.metadata.file_form.get("logit_texts", [])
    return texts if len(texts) == len(logits) else [data.nodes.token[i] or "" for i in logits]


def _scan(data: GraphData) -> str | list[str] | None:
    metadata = data.metadata
    if metadata.source_format != "json" and "scan" in metadata.file_metadata:
        scan: str | list[str] | None = metadata.file_metadata["scan"]
        return scan
    for scan in filter(None, (metadata.scan, metadata.source_set)):  # one that is read as the same source set
        if (pair_of(scan) or (scan, scan))[1] == metadata.source_set:
            return scan
    return metadata.source_set


def _config(data: GraphData, torch: Any) -> dict[str, Any]:
    """The fields of circuit-tracer's `UnifiedConfig`, which needs all of them; unknown ones are 0, empty or None."""
    metadata = data.metadata
    known: dict[str, Any] = dict.fromkeys(("tokenizer_name", "model_name"), metadata.model)
    known |= {"n_layers": metadata.n_layers, "d_vocab": metadata.vocab_size or 0}
    saved = metadata.file_metadata.get("cfg")
    saved_dtypes = metadata.file_form.get("cfg", {})
    dtypes = {name: getattr(torch, dtype) for name, dtype in saved_dtypes.items() if dtype in _DTYPES}
    fields = {**(saved if isinstance(saved, dict) else {}), **dtypes}
    return {**_CONFIG, **known, **{name: value for name, value in fields.items() if name in _CONFIG}}
