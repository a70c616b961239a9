"""Reads the dict in a `.pt` without running anything in it; tensors become arrays that are mapped from the file.

There is no other way in: a file that needs one is refused.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from circuit_atlas.ingest.pt_pickle import Config, SavedTensor, unpickle

from circuit_atlas.errors import InputError, UnsafeFileError

_LARGEST_PICKLE = 2 << 20
_LARGEST_CONTENT = 4_000_000  # values and characters beside the tensors
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a record of a zip archive: lengths of its name and its extra field
_FIX = "Give a .pt file saved by circuit-tracer's Graph.to_pt; save it again if it was cut short."


def load_safely(path: Path) -> dict[str, Any]:
    """The dict saved in a `.pt`; its tensors as arrays, mapped from the file, whose dtypes have torch's names.

    Raises:
        InputError: the file is missing, damaged, no `.pt`, or holds no dict.
        UnsafeFileError: loading it as torch does would run code, or it claims sizes it does not have.
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
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise UnsafeFileError("its records are compressed; it was not loaded", where=str(path), fix=_FIX)
    if sum(record.file_size for record in records) > path.stat().st_size:
        raise UnsafeFileError(
            "its records claim to be larger than the file; it was not loaded", where=str(path), fix=_FIX
        )
    for record in records:
        if record.filename.endswith("/byteorder") and archive.read(record)[:10] != b"little":
            raise InputError("it was saved by a big-endian machine", where=str(path), fix="Save it on another.")


def _pickle(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    found = [record for record in archive.infolist() if record.filename.endswith("/data.pkl")]
    if len(found) != 1 or found[0].file_size > _LARGEST_PICKLE:
        raise InputError("not a file of torch.save", where=str(path), fix=_FIX)
    return found[0]


def _mapped(archive: zipfile.ZipFile, path: Path, name: str, saved: SavedTensor) -> np.ndarray:
    """The elements of a tensor, as they lie in the file. It may claim, by its strides, to be larger than they are."""
    dtype = np.dtype(ml_dtypes.bfloat16 if saved.dtype == "bfloat16" else saved.dtype)
    folder = _pickle(archive, path).filename.removesuffix("data.pkl")
    record = archive.getinfo(f"{folder}data/{saved.storage}")
    held = record.file_size // dtype.itemsize
    reaches = saved.offset + sum((size - 1) * stride for size, stride in zip(saved.shape, saved.strides, strict=True))
    elements = int(np.prod([int(size) for size in saved.shape], dtype=object)) if saved.shape else 1
    if elements == 0:
        return np.zeros(saved.shape, dtype)
    if elements > held or reaches >= held:
        raise UnsafeFileError(
            f"claims {saved.shape} elements, which the file does not hold", where=f"{path}: {name}", fix=_FIX
        )
    with path.open("rb") as file:
        file.seek(record.header_offset)
        start = record.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size)))
    if start + record.file_size > path.stat().st_size:
        raise UnsafeFileError(f"the record {record.filename} is cut short", where=str(path), fix=_FIX)
    storage = np.memmap(path, dtype, mode="c", offset=start, shape=(held,))
    strides = [stride * dtype.itemsize for stride in saved.strides]
    return np.lib.stride_tricks.as_strided(storage[saved.offset :], saved.shape, strides)


def _check_plain(value: Any, where: str) -> None:
    """A short pickle unfolds to any size by naming one list or text many times."""
    left, pending = _LARGEST_CONTENT, [value]
    while pending:
        item = pending.pop()
        left -= len(item) if isinstance(item, str) else 1
        if left < 0:
            raise UnsafeFileError("unfolds to more than any graph holds", where=where, fix=_FIX)
        if isinstance(item, SavedTensor) or (isinstance(item, int) and abs(item) >= 1 << 63):
            raise InputError(f"holds a {type(item).__name__} that no graph holds there", where=where, fix=_FIX)
        pending.extend(_parts(item))


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, list | tuple):
        return item
    return vars(item).values() if isinstance(item, Config) else ()
