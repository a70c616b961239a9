"""Which graph files are meant, by names of files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from circuit_atlas.errors import InputError
from circuit_atlas.files import files_below
from circuit_atlas.ingest import gzipped

SUFFIXES = (".json", ".json.gz", ".pt", ".pth")
_LIST = "graph-metadata.json"
_SMALL = 16 << 20  # bytes
_PACKED = 13  # bytes of JSON in a byte of .json.gz
_MAX_TOGETHER = 3


def graph_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are named; for a folder all graph files in it and below, by name. Each file once.

    Hidden files, and the list of graphs that circuit-tracer writes beside them, are left out of a folder.

    Raises:
        InputError: a folder has none, or cannot be listed; or a name is an empty text.
    """
    found: dict[Path, None] = {}
    for source in map(given_path, sources):
        if os.path.isdir(source):  # False, and no error, for a name that the system does not allow
            inside = files_below(source, SUFFIXES)
            if not inside:
                raise InputError(
                    "the folder has no graph file", where=str(source), fix=f"Graph files end in {', '.join(SUFFIXES)}."
                )
            graphs = [path for path in inside if path.name != _LIST]
            found.update(dict.fromkeys(graphs or inside))
        else:
            found[source] = None
    return list(found)


def given_path(source: str | os.PathLike[str]) -> Path:
    """The path of a file or folder that was named. An empty text is refused: as a path, it is the current folder.

    Raises:
        InputError: it is an empty text.
    """
    if not os.fspath(source):
        raise InputError("the name of a file is an empty text", fix="Name a file or folder; `.` is the current one.")
    return Path(source)


def side_by_side(files: list[Path]) -> int:
    """How many of the files are worth reading and writing at once: large ones keep all writers busy alone."""
    return _MAX_TOGETHER if all(not os.path.isfile(path) or _size(path) <= _SMALL for path in files) else 1


def _size(path: Path) -> int:
    return path.stat().st_size * (_PACKED if path.suffix == gzipped.SUFFIX else 1)
