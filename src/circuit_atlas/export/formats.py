"""Which ending stands for which format."""

from __future__ import annotations

from pathlib import Path

from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.export.graphml_file import write_graphml
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.parquet_files import write_parquet
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import GraphData

_WRITERS = {".pt": write_pt, ".json": write_json, ".graphml": write_graphml, ".parquet": write_parquet}
ENDINGS = tuple(_WRITERS)


def check_file(path: Path, *, overwrite: bool) -> None:
    """Make sure that a graph can be written there, before it is read.

    Raises:
        InvalidArgumentError: an ending that stands for no format.
        InputError: the file is there, and `overwrite` is not set.
    """
    if path.suffix not in ENDINGS:
        raise InvalidArgumentError(f"{path.name}: a graph is written as {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if path.exists() and not overwrite:
        raise InputError("is there already", where=str(path), fix="Give another name, or --overwrite.")


def write_graph(data: GraphData, path: Path) -> None:
    """Write a graph as `.pt`, `.json`, `.graphml` or `.parquet`, after the file's name; whole or not at all.

    Raises:
        InputError: the format has no place for something in the graph, or the file cannot be written.
        MissingExtraError: the format needs an extra that is not installed.
    """
    _WRITERS[path.suffix](data, path)
