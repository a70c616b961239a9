"""Writes files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from circuit_atlas.errors import InputError, InvalidArgumentError


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


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all: beside it first. What is no file, such as a pipe, is written to as it is.

    Raises:
        InputError: it cannot be written.
    """
    target = path.resolve()  # a link stays one
    if target.exists() and not target.is_file():
        with _cannot_be_written(path):
            target.write_bytes(content)
        return
    with replacing(target) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path, *, make_parents: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, for a file or folder that takes its place at the end of the block.

    If the block raises, `path` stays as it was.

    Args:
        path: the file, or the new or empty folder, to write.
        make_parents: whether to make the folders above it if they do not exist.

    Raises:
        InputError: the folder above does not exist, cannot be written to, or is full.
    """
    path = path.absolute()  # `.` has no name
    with _cannot_be_written(path):
        if make_parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
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
