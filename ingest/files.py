"""Which graph files are meant, by names of files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from circuit_atlas.errors import InputError

ENDINGS = (".json", ".pt", ".pth")
_SMALL = 16 << 20  # bytes
_AT_ONCE = 3


def graph_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are named; for a folder all graph files in it and below, by name. Each file once.

    Raises:
        InputError: a folder holds none.
    """
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        inside = sorted(path for path in source.rglob("*") if path.suffix in ENDINGS and path.is_file())
        if source.is_dir() and not inside:
            raise InputError("holds no graph file", where=str(source), fix=f"Graph files end in {', '.join(ENDINGS)}.")
        found.update(dict.fromkeys(inside if source.is_dir() else [source]))
    return list(found)


def side_by_side(files: list[Path]) -> int:
    """How many of the files are worth reading and writing at once: large ones keep all writers busy alone."""
    small = all(not path.is_file() or path.stat().st_size <= _SMALL for path in files)
    return _AT_ONCE if small else 1
