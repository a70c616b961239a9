"""Reads whatever holds an attribution graph into the one in-memory form."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import gzipped
from circuit_atlas.ingest.graph_json import read_json

if TYPE_CHECKING:
    import circuit_tracer


class ReadOptions(TypedDict, total=False):
    """How a graph file is read.

    node_threshold: prune a `.pt` or Graph to the nodes that carry this share of the influence, as circuit-tracer's
        `prune_graph` does.
    edge_threshold: prune it to the edges that carry this share of the influence.
    model: the language model, if the file does not name it.
    source_set: the set of transcoders, if the file does not name it.
    tokenizer: name or path of the tokenizer that turns a `.pt`'s token ids into text.
    """

    node_threshold: float | None
    edge_threshold: float | None
    model: str | None
    source_set: str | None
    tokenizer: str | None


def read_graph(source: str | os.PathLike[str] | circuit_tracer.Graph, **options: Unpack[ReadOptions]) -> GraphData:
    """Read a `.json`, `.json.gz` or `.pt` file, recognised by its content, or a `circuit_tracer.Graph`.

    Raises:
        InputError: the file is missing, damaged, or not an attribution graph.
        UnsafeFileError: loading it would run code.
        InvalidArgumentError: a threshold is given for a graph that is already pruned.
        MissingExtraError: a `.pt` needs the extra `attribution`.
    """
    if not isinstance(source, str | os.PathLike):
        from circuit_atlas.ingest.pt import from_circuit_tracer

        return from_circuit_tracer(source, slug="graph", **options)
    path = Path(source)
    if _is_pt(path):
        from circuit_atlas.ingest.pt import read_pt

        return read_pt(path, **options)
    if options.get("node_threshold") is not None or options.get("edge_threshold") is not None:
        raise InvalidArgumentError(
            "thresholds apply to .pt files: a JSON graph is already pruned",
            where=str(path),
            fix="Leave out --node-threshold and --edge-threshold, or give the .pt file.",
        )
    return read_json(path, model=options.get("model"), source_set=options.get("source_set"))


def _is_pt(path: Path) -> bool:
    return path.suffix in (".pt", ".pth") or (path.suffix not in (".json", gzipped.SUFFIX) and zipfile.is_zipfile(path))
