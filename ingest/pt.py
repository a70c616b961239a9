"""Reads circuit-tracer's `.pt` files and its `Graph` objects."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from circuit_atlas.errors import InputError, MissingExtraError, needs_extra
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData, NodeColumns
from circuit_atlas.ingest.attribution import REQUIRED, Attribution, read_fields
from circuit_atlas.ingest.dense import DenseEdges
from circuit_atlas.ingest.names import check_names
from circuit_atlas.ingest.prune import prune
from circuit_atlas.ingest.pt_safe import load_safely
from circuit_atlas.ingest.source_sets import custom_set, identify
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import GraphMetadata

if TYPE_CHECKING:
    import circuit_tracer

_FIELDS = (*REQUIRED, "logit_targets", "logit_tokens", "vocab_size", "scan", "scan_name")
_MAX_TOKEN = 1 << 31  # more than any vocabulary has; larger ones do not fit into a tokenizer's numbers
_TOKENIZER_FIX = "Give the name of a tokenizer that can be downloaded, or the path of a folder that contains one."


def read_pt(
    path: Path,
    *,
    node_threshold: float | None = None,
    edge_threshold: float | None = None,
    model: str | None = None,
    source_set: str | None = None,
    tokenizer: str | None = None,
) -> GraphData:
    """Read a `.pt` of any generation without running anything in it. The matrix stays mapped from the file.

    Args:
        path: the file.
        node_threshold: prune the graph with circuit-tracer's `prune_graph`, to nodes with this share of influence.
        edge_threshold: prune the graph, to edges with this share of influence. If only one threshold is given, the
            other is circuit-tracer's default.
        model: the language model, whatever the file says.
        source_set: the set of transcoders, whatever the file says.
        tokenizer: name or path of the tokenizer that turns ids into text. By default it is the one that the file names,
            if it is on this machine. Nothing is downloaded unless a name is given here.

    Raises:
        InputError: the file is damaged, not an attribution graph, or inconsistent; the message names file and field. Or
            the given tokenizer cannot be loaded.
        UnsafeFileError: loading it would run code.
        MissingExtraError: circuit-tracer, for pruning, or transformers, for the tokenizer, is not installed.
        InvalidArgumentError: a threshold is not between 0 and 1, or the graph cannot be pruned (see `prune`).
    """
    found = read_fields(load_safely(path), str(path))
    return _graph_data(
        found, path.stem, "pt", str(path), (node_threshold, edge_threshold), (model, source_set), tokenizer
    )


def from_circuit_tracer(
    graph: circuit_tracer.Graph,
    *,
    node_threshold: float | None = None,
    edge_threshold: float | None = None,
    model: str | None = None,
    source_set: str | None = None,
    tokenizer: str | None = None,
) -> GraphData:
    """Read a `circuit_tracer.Graph` in memory, with tensors on CPU or GPU. Its name in its metadata is `graph`.

    Arguments and errors are as in `read_pt`.
    """
    content = {name: _plain(getattr(graph, name)) for name in _FIELDS if name in vars(graph)}
    if not content:
        raise InputError(f"a {type(graph).__name__} is not a graph", fix="Give a path or a circuit_tracer.Graph.")
    found = read_fields(content, "Graph")
    return _graph_data(
        found, "graph", "graph", "Graph", (node_threshold, edge_threshold), (model, source_set), tokenizer
    )


def _plain(value: Any) -> Any:
    """A tensor as an array, which shares its memory if the tensor is on the CPU; anything else as it is."""
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    if str(tensor.dtype) != "torch.bfloat16":
        return tensor.numpy()
    import torch

    # torch cannot hand bfloat16 to numpy, so its bits are passed as integers.
    return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)


def _graph_data(
    found: Attribution,
    slug: str,
    source_format: str,
    where: str,
    thresholds: tuple[float | None, float | None],
    identity: tuple[str | None, str | None],
    tokenizer: str | None,
) -> GraphData:
    scan, custom = (None, custom_set(found.scan)) if isinstance(found.scan, list) else (found.scan, None)
    named = str(found.config.get("model_name") or found.config.get("tokenizer_name") or "")
    known_model, known_set = identify(scan, {}, custom=custom, model=identity[0], source_set=identity[1])
    if identity[0] is None and named:
        known_model = named.rstrip("/").rpartition("/")[2].lower() or known_model
    texts, warnings = _token_texts(found, tokenizer)
    metadata = GraphMetadata(
        slug=slug,
        prompt=found.prompt,
        tokens=[text if text is not None else f"<{i}>" for text, i in zip(texts, found.tokens, strict=False)],
        model=known_model,
        source_set=known_set,
        scan=scan,
        n_layers=found.n_layers,
        n_pos=found.n_pos,
        source_format=source_format,
        active_features=found.n_active,
        vocab_size=found.vocab_size,
        file_metadata={"cfg": found.config, "scan": found.scan},
        file_form=_form(found, texts[found.n_pos :]),
        warnings=warnings,
    )
    check_names(metadata, where)
    data = GraphData(metadata, _nodes(found, texts), DenseEdges(found.adjacency, where), active=found.active)
    return data if thresholds == (None, None) else prune(data, found, *thresholds)


def _form(found: Attribution, logit_texts: list[str | None]) -> dict[str, Any]:
    """`GraphMetadata.file_form`: with the file's own texts of logits, if a tokenizer has given other ones."""
    same = found.logit_texts == [text or "" for text in logit_texts]
    return found.form if same else {**found.form, "logit_texts": found.logit_texts}


def _nodes(found: Attribution, texts: list[str | None]) -> NodeColumns:
    """The nodes in the order of the matrix: features, errors (layer by layer), tokens, logits."""
    n_errors, n_pos, n_logits = found.n_layers * found.n_pos, found.n_pos, len(found.logit_ids)
    sizes = (len(found.features), n_errors, n_pos, n_logits)
    n = sum(sizes)
    positions = np.arange(n_pos)
    kinds = [KINDS.index(kind) for kind in (Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT)]
    columns: dict[str, Any] = {
        "kind": np.repeat(kinds, sizes).astype(np.int8),
        "layer": np.concatenate(
            [
                found.features[:, 0],
                np.arange(found.n_layers).repeat(n_pos),
                np.full(n_pos + n_logits, NO_VALUE),
            ]
        ).astype(np.int32),
        "position": np.concatenate(
            [
                found.features[:, 1],
                np.tile(positions, found.n_layers),
                positions,
                np.full(n_logits, n_pos - 1),
            ]
        ).astype(np.int32),
        "index": np.concatenate(
            [found.features[:, 2], np.full(n_errors, NO_VALUE), found.tokens, found.logit_ids]
        ).astype(np.int64),
        "activation": np.concatenate([found.activations, np.full(n - sizes[0], np.nan)]),
        "probability": np.concatenate([np.full(n - n_logits, np.nan), found.probabilities]),
        "cumulative_influence": np.full(n, np.nan),
    }
    return NodeColumns(
        **columns,
        token=[*[None] * (sizes[0] + n_errors), *texts],
        label=[None] * n,
        source_id=[None] * n,
    )


def _token_texts(found: Attribution, tokenizer: str | None) -> tuple[list[str | None], list[str]]:
    """Texts of tokens and then logits, None if unknown, and warnings about that."""
    decoder = _load_tokenizer(tokenizer or str(found.config.get("tokenizer_name") or ""), tokenizer is not None)
    ids = [*found.tokens.tolist(), *found.logit_ids.tolist()]
    given = [""] * found.n_pos + found.logit_texts
    known = range(min(found.vocab_size or _MAX_TOKEN, _MAX_TOKEN))
    texts = [
        text or (_decoded(decoder, i) if decoder is not None and i in known else "") or None
        for text, i in zip(given, ids, strict=True)
    ]
    if None not in texts:
        return texts, []
    return texts, ["the texts of tokens are unknown, since a .pt has only their ids: give --tokenizer NAME_OR_PATH"]


def _decoded(decoder: Any, token: int) -> str:
    """The text of a token; empty if the tokenizer does not have it. Some then raise an error."""
    try:
        return str(decoder.decode(token))
    except (IndexError, TypeError):
        return ""


def _load_tokenizer(name: str, download: bool) -> Any:
    """The tokenizer; None if it is the file's own and cannot be loaded without a download."""
    if not name or not (download or _is_on_this_machine(name)):
        return None
    try:
        with needs_extra("attribution", "reading token ids as text"):
            from transformers import AutoTokenizer
    except MissingExtraError:
        if not download:
            return None
        raise
    try:
        with _quiet_transformers():
            return AutoTokenizer.from_pretrained(name, local_files_only=not download, trust_remote_code=False)
    except Exception as error:  # tokenizers raises a plain Exception for a damaged file
        if not download:
            return None
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"the tokenizer cannot be loaded: {reason}", where=name, fix=_TOKENIZER_FIX) from error


def _is_on_this_machine(name: str) -> bool:
    """Whether a tokenizer need not be downloaded. Importing transformers to find that out would take seconds."""
    if os.path.isdir(name):
        return True
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return False
    try:
        return isinstance(try_to_load_from_cache(name, "tokenizer_config.json"), str)
    except HFValidationError:
        return False


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
