"""Which suffix stands for which format."""

from __future__ import annotations

from pathlib import Path

from circuit_atlas.export.graphml_file import write_graphml
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.parquet_files import nodes_file, write_parquet
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.files import check_new, unknown_format
from circuit_atlas.graph.data import GraphData

_WRITERS = {".pt": write_pt, ".json": write_json, ".graphml": write_graphml, ".parquet": write_parquet}
SUFFIXES = tuple(_WRITERS)


def check_file(path: Path, *, overwrite: bool) -> None:
    """Check that a graph can be written there, before the graph is read.

    Raises:
        InvalidArgumentError: the file's suffix stands for no format.
        InputError: the file already exists, and `overwrite` is not set.
    """
    if path.suffix not in SUFFIXES:
        raise unknown_format(path, "A graph", SUFFIXES)
    written = [path, nodes_file(path)] if path.suffix == ".parquet" else [path]
    check_new(*written, overwrite=overwrite)


def write_graph(data: GraphData, path: Path) -> None:
    """Write a graph as `.pt`, `.json`, `.graphml` or `.parquet`, by the file's suffix; whole or not at all.

    Raises:
        InputError: the format cannot express something in the graph, or the file cannot be written.
        MissingExtraError: the format needs an extra that is not installed.
    """
    _WRITERS[path.suffix](data, path)
