"""Opens files that may be compressed with gzip, and decompresses them within bounds: a small file can become very
large."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from circuit_atlas.errors import InputError
from circuit_atlas.schema.limits import MAX_FILE_SIZE

SUFFIX = ".gz"
_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
# Graph files shrink to about a 13th; what shrinks to less than a 100th is made to fill the memory.
_MAX_RATIO = 100
_ALWAYS_ALLOWED = 64 << 20  # bytes, whatever the ratio: short files of equal nodes shrink more


@contextmanager
def open_maybe_gzipped(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The content of a file, decompressed as it is read if the file begins as gzip does, whatever its name is.

    Raises:
        InputError: the file is compressed, and cut short or damaged.
        OSError: the file cannot be opened or read.
    """
    try:
        with path.open("rb") as file:
            gzipped = file.read(len(_MAGIC)) == _MAGIC
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if gzipped else file as content:
                yield content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"the gzip file is cut short or damaged: {error}", where=str(path), fix="Download or compress it again."
        ) from error


def read_maybe_gzipped(path: Path) -> bytes:
    """The whole content of a file, decompressed if it is compressed.

    Raises:
        InputError: the file is compressed, and cut short, damaged, or decompresses to more than a graph file does.
        OSError: the file cannot be opened or read.
    """
    with open_maybe_gzipped(path) as content:
        if not isinstance(content, gzip.GzipFile):
            return content.read()
        limit = min(MAX_FILE_SIZE, max(_ALWAYS_ALLOWED, _MAX_RATIO * path.stat().st_size))
        # In chunks: asked for `limit` bytes at once, the reader would reserve all of them first.
        chunks, size = [], 0
        while chunk := content.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise InputError(
                    f"decompresses to more than {limit:,} bytes, which no graph file of its size does",
                    where=str(path),
                    fix="If you trust it, decompress it with gunzip and give the .json file.",
                )
            chunks.append(chunk)
        return b"".join(chunks)


def stem(path: Path) -> str:
    """The file's name without `.json`, `.json.gz` or `.pt`."""
    name = path.name
    return Path(name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else name).stem
