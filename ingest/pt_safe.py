"""Reads the dict in a `.pt` without running anything in it; tensors become arrays that are mapped from the file.

A file that cannot be read this way is refused; there is no unsafe fallback.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from circuit_atlas.errors import InputError, UnsafeFileError
from circuit_atlas.ingest.pt_pickle import Config, SavedTensor, unpickle

_MAX_PICKLE = 2 << 20  # bytes
_MAX_CONTENT = 4_000_000  # values and characters, tensors not counted
_LOCAL_HEADER = struct.Struct(
    "<26xHH"
)  # in a zip archive, before a record: ends with the lengths of name and extra field
_FIX = "Give a .pt file saved by circuit-tracer's Graph.to_pt; save it again if it was cut short."


def load_safely(path: Path) -> dict[str, Any]:
    """The dict saved in a `.pt`, with its tensors as arrays that are mapped from the file.

    Arrays have the dtype, shape and strides of the tensors; bfloat16 is that of ml_dtypes.

    Raises:
        InputError: the file does not exist, is damaged, is not a `.pt`, or has something other than a dict.
        UnsafeFileError: loading it as torch does would run code, or it claims sizes that it does not have.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_records(archive, path)
            content = unpickle(archive.read(_pickle(archive, path)), str(path))
            if not isinstance(content, dict):
                raise InputError(f"not an attribution graph, but a {type(content).__name__}", where=str(path), fix=_FIX)
            tensors = {name: value for name, value in content.items() if isinstance(value, SavedTensor)}
            _check_plain({name: value for name, value in content.items() if name not in tensors}, str(path))
            return {**content, **{name: _mapped(archive, path, name, saved) for name, saved in tensors.items()}}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, struct.error) as error:
        raise InputError(f"not a .pt file, or cut short: {error}", where=str(path), fix=_FIX) from error
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", where=str(path), fix="Check the path."
        ) from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"not a .pt file, or damaged: {str(error)[:200]}", where=str(path), fix=_FIX) from error


def _check_records(archive: zipfile.ZipFile, path: Path) -> None:
    records = archive.infolist()
    if any(record.flag_bits & 1 for record in records):
        raise InputError("its records are encrypted", where=str(path), fix=_FIX)
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise UnsafeFileError("its records are compressed; it was not loaded", where=str(path), fix=_FIX)
    if sum(record.file_size for record in records) > path.stat().st_size:
        raise UnsafeFileError(
            "its records claim to be larger than the file; it was not loaded", where=str(path), fix=_FIX
        )
    for record in records:
        if record.filename.endswith("/byteorder") and archive.read(record)[:10] != b"little":
            raise InputError(
                "it was saved on a big-endian machine", where=str(path), fix="Save it on a little-endian machine."
            )


def _pickle(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    found = [record for record in archive.infolist() if record.filename.endswith("/data.pkl")]
    if len(found) != 1 or found[0].file_size > _MAX_PICKLE:
        raise InputError("not a file made by torch.save", where=str(path), fix=_FIX)
    return found[0]


def _mapped(archive: zipfile.ZipFile, path: Path, name: str, saved: SavedTensor) -> np.ndarray:
    """A tensor's elements, mapped from the file. Shape, strides and offset come from the file, so they are checked
    against the size of the record before anything is allocated or mapped."""
    dtype = np.dtype(ml_dtypes.bfloat16 if saved.dtype == "bfloat16" else saved.dtype)
    folder = _pickle(archive, path).filename.removesuffix("data.pkl")
    record = archive.getinfo(f"{folder}data/{saved.storage}")
    available = record.file_size // dtype.itemsize
    last = saved.offset + sum((size - 1) * stride for size, stride in zip(saved.shape, saved.strides, strict=True))
    elements = int(np.prod([int(size) for size in saved.shape], dtype=object)) if saved.shape else 1
    if elements == 0:
        return np.zeros(saved.shape, dtype)
    if elements > available or last >= available:
        raise UnsafeFileError(
            f"claims {saved.shape} elements, but the file has fewer", where=f"{path}: {name}", fix=_FIX
        )
    # zipfile does not say where a record's content starts: behind the local header, whose length is in it.
    with path.open("rb") as file:
        file.seek(record.header_offset)
        start = record.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size)))
    if start + record.file_size > path.stat().st_size:
        raise UnsafeFileError(f"the record {record.filename} is cut short", where=str(path), fix=_FIX)
    storage = np.memmap(path, dtype, mode="c", offset=start, shape=(available,))
    strides = [stride * dtype.itemsize for stride in saved.strides]
    return np.lib.stride_tricks.as_strided(storage[saved.offset :], saved.shape, strides)


def _check_plain(value: Any, where: str) -> None:
    """Check the size of everything except tensors: a short pickle can have a list or text in it many times, and each of
    them again, so that it unfolds to any size."""
    left, pending = _MAX_CONTENT, [value]
    while pending:
        item = pending.pop()
        parts = list(_parts(item))
        left -= len(item) if isinstance(item, str) else len(parts)  # before they are kept: they may be many
        if left < 0:
            raise UnsafeFileError("unfolds to more values than any graph has", where=where, fix=_FIX)
        if isinstance(item, SavedTensor) or (isinstance(item, int) and abs(item) >= 1 << 63):
            raise InputError(f"has a {type(item).__name__} where no graph has one", where=where, fix=_FIX)
        pending.extend(parts)


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, Config):
        item = vars(item)
    if isinstance(item, dict):
        return (*item, *item.values())
    return item if isinstance(item, list | tuple) else ()
