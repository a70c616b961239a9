"""Writes files, and finds those in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from circuit_atlas.errors import InputError, InvalidArgumentError

_PREFIX = 50  # characters, of up to four bytes: names have at most 255 bytes


def private(path: str, flags: int) -> int:
    """An opener for `open`: only the user can read and write the file that it makes."""
    return os.open(path, flags, 0o600)


def unknown_format(path: Path, what: str, suffixes: Sequence[str]) -> InvalidArgumentError:
    """The error that the suffix of a file stands for no format: `what` can be written with those of `suffixes`."""
    return InvalidArgumentError(
        f"unknown format: {path.suffix or 'no suffix'}",
        where=str(path),
        fix=f"{what} can be written as {', '.join(suffixes[:-1])} or {suffixes[-1]}.",
    )


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a folder and of those below it, by name. Hidden ones are left out: editors keep copies in them.

    Args:
        folder: a folder. Folders that links lead to are looked at, too, each once.
        suffixes: how names of the files end, in lower case.

    Raises:
        InputError: a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise InputError(
            f"the folder cannot be listed: {error.strerror or error}",
            where=str(error.filename),
            fix="Check that you may read it, or name the files.",
        ) from error

    found: list[Path] = []
    seen = {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        below = {name: os.path.realpath(os.path.join(place, name)) for name in sorted(folders) if name[0] != "."}
        folders.clear()  # of which os.walk looks at those that are left
        for name, real in below.items():
            if real not in seen:
                seen.add(real)
                folders.append(name)
        found += [Path(place, name) for name in names if name[0] != "." and name.lower().endswith(suffixes)]
    return sorted(found)


def check_new(*paths: Path, overwrite: bool) -> None:
    """Raise InputError if one of the files already exists, unless it may be overwritten; also if it is a folder."""
    there = [path for path in paths if os.path.lexists(path)]
    if folders := [path for path in there if path.is_dir()]:
        raise InputError("is a folder", where=str(folders[0]), fix="Give another name.")
    if there and not overwrite:
        raise InputError(
            "already exists", where=str(there[0]), fix="Give another name, or overwrite it with --overwrite."
        )


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all: beside it first. A target that is not a file, such as a pipe, is written to
    as it is.

    Raises:
        InputError: it cannot be written.
    """
    if os.path.exists(path) and not path.is_file():
        with _cannot_be_written(path):
            path.write_bytes(content)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path, *, make_parents: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, for a file or folder that takes its place at the end of the block.

    If the block raises, `path` stays as it was. If it is a link, it stays one, and what it leads to is replaced.

    Args:
        path: the file, or the new or empty folder, to write.
        make_parents: whether to make the folders above it if they do not exist.

    Raises:
        InputError: the folder above does not exist, cannot be written to, or is full.
    """
    path = Path(os.path.realpath(path))  # `.` has no name
    with _cannot_be_written(path):
        if make_parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        # Only the beginning of the name: the whole name may already have the maximum length.
        with TemporaryDirectory(prefix=f".{path.name[:_PREFIX]}-", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            os.replace(temporary, path)


@contextmanager
def _cannot_be_written(path: Path) -> Iterator[None]:
    """Makes an error of the operating system one of ours."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            fix="Check that the folder exists, that you may write to it, and that the disk has space.",
        ) from error
