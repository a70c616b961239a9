"""Reads whatever holds an attribution graph into the one in-memory form."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import gzipped
from circuit_atlas.ingest.faults import too_many_nodes
from circuit_atlas.ingest.graph_json import read_json
from circuit_atlas.ingest.options import ReadOptions, check_options
from circuit_atlas.schema.limits import MAX_GRAPH_NODES

if TYPE_CHECKING:
    import circuit_tracer


def read_graph(source: str | os.PathLike[str] | circuit_tracer.Graph, **options: Unpack[ReadOptions]) -> GraphData:
    """Read a `.json`, `.json.gz` or `.pt` file, recognised by its content, or a `circuit_tracer.Graph`.

    Raises:
        InputError: the file is missing, damaged, or not an attribution graph, or has more than 90,000 nodes.
        UnsafeFileError: loading it would run code.
        InvalidArgumentError: a threshold or a tokenizer is given for a JSON graph, which is already pruned and has its
            tokens, an option is an empty text, or the source is neither a path nor a graph.
        MissingExtraError: pruning a `.pt`, or a tokenizer, needs the extra `attribution`.
    """
    data = _read(source, **options)
    if len(data.nodes) > MAX_GRAPH_NODES:
        raise too_many_nodes(len(data.nodes), None if hasattr(source, "adjacency_matrix") else str(source))
    return data


def _read(source: str | os.PathLike[str] | circuit_tracer.Graph, **options: Unpack[ReadOptions]) -> GraphData:
    check_options(options)
    if not isinstance(source, str | os.PathLike):
        if not hasattr(source, "adjacency_matrix"):
            raise InvalidArgumentError(
                f"source cannot be {source!r:.80}",
                fix="It must be the path of a graph file, or a circuit_tracer.Graph.",
            )
        from circuit_atlas.ingest.pt import from_circuit_tracer

        return from_circuit_tracer(source, **options)
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
    if options.get("tokenizer") is not None:
        raise InvalidArgumentError(
            "a tokenizer applies to .pt files: a JSON graph has the texts of its tokens",
            where=str(path),
            fix="Leave out --tokenizer, or give the .pt file.",
        )
    return read_json(path, model=options.get("model"), source_set=options.get("source_set"))


def _is_pt(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in (".pt", ".pth") or (suffix not in (".json", gzipped.SUFFIX) and zipfile.is_zipfile(path))
