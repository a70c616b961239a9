"""Which graph files are meant, by names of files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from circuit_atlas.errors import InputError
from circuit_atlas.ingest import gzipped

SUFFIXES = (".json", ".json.gz", ".pt", ".pth")
_SMALL = 16 << 20  # bytes
_PACKED = 13  # bytes of JSON in a byte of .json.gz
_AT_ONCE = 3


def graph_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are named; for a folder all graph files in it and below, by name. Each file once.

    Raises:
        InputError: a folder has none.
    """
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        inside = sorted(path for path in source.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
        if source.is_dir() and not inside:
            raise InputError(
                "the folder has no graph file", where=str(source), fix=f"Graph files end in {', '.join(SUFFIXES)}."
            )
        found.update(dict.fromkeys(inside if source.is_dir() else [source]))
    return list(found)


def side_by_side(files: list[Path]) -> int:
    """How many of the files are worth reading and writing at once: large ones keep all writers busy alone."""
    return _AT_ONCE if all(not path.is_file() or _size(path) <= _SMALL for path in files) else 1


def _size(path: Path) -> int:
    return path.stat().st_size * (_PACKED if path.suffix == gzipped.SUFFIX else 1)
