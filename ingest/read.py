"""Reads whatever holds an attribution graph into the one in-memory form."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from circuit_atlas.ingest import gzipped
from circuit_atlas.ingest.graph_json import read_json

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import GraphData

if TYPE_CHECKING:
    import circuit_tracer


def read_graph(
    source: str | os.PathLike[str] | circuit_tracer.Graph,
    *,
    node_threshold: float | None = None,
    edge_threshold: float | None = None,
    model: str | None = None,
    source_set: str | None = None,
    tokenizer: str | None = None,
) -> GraphData:
    """Read a `.json`, `.json.gz` or `.pt` file, told apart by content, or take a `circuit_tracer.Graph`.

    Args are those of `Atlas.ingest`.

    Raises:
        InputError: the file is missing, damaged, or no attribution graph.
        UnsafeFileError: loading it would run code.
        InvalidArgumentError: a threshold is given for a graph that is pruned already.
        MissingExtraError: a `.pt` needs the extra `attribution`.
    """
    if not isinstance(source, str | os.PathLike):
        from circuit_atlas.ingest.pt import from_circuit_tracer

        return from_circuit_tracer(
            source,
            slug="graph",
            node_threshold=node_threshold,
            edge_threshold=edge_threshold,
            model=model,
            source_set=source_set,
            tokenizer=tokenizer,
        )
    path = Path(source)
    if _is_pt(path):
        from circuit_atlas.ingest.pt import read_pt

        return read_pt(
            path,
            node_threshold=node_threshold,
            edge_threshold=edge_threshold,
            model=model,
            source_set=source_set,
            tokenizer=tokenizer,
        )
    if node_threshold is not None or edge_threshold is not None:
        raise InvalidArgumentError(
            "thresholds apply to .pt files: a JSON graph is pruned already",
            where=str(path),
            fix="Leave --node-threshold and --edge-threshold out, or give the .pt file.",
        )
    return read_json(path, model=model, source_set=source_set)


def _is_pt(path: Path) -> bool:
    return path.suffix in (".pt", ".pth") or (path.suffix not in (".json", gzipped.SUFFIX) and zipfile.is_zipfile(path))
