"""Reads the dict in a `.pt` without running anything in it.

Before torch sees the file, the zip archive and the pickle in it are looked through: every name the pickle
asks for has to be on a short list. torch then loads with `weights_only=True`, and where a genuine file
names a class of circuit-tracer or transformer_lens, a stand-in that only holds data takes its place, so
that neither has to be installed. There is no other way in: a file that needs one is refused.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.errors import InputError, MissingExtraError, UnsafeFileError

if TYPE_CHECKING:
    import torch

OLDEST_TORCH = (2, 10)
_LARGEST_PICKLE = 8 << 20
_LARGEST_CONTENT = 4_000_000  # values and characters beside the tensors
_SLOW_CODECS = ("punycode", "idna")
_FIX = "Give a .pt file saved by circuit-tracer's Graph.to_pt; save it again if it was cut short."


class _LogitTarget(NamedTuple):
    token_str: str
    vocab_idx: int


class _Config:
    """Holds the fields of a model's configuration."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update({name: value for name, value in state.items() if isinstance(name, str)})


class _Ignored:
    """Stands for numpy scalars in old configurations, none of which is read."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


_STAND_INS: dict[str, type] = {
    "circuit_tracer.attribution.targets.LogitTarget": _LogitTarget,
    "circuit_tracer.utils.tl_nnsight_mapping.UnifiedConfig": _Config,
    "transformer_lens.HookedTransformerConfig.HookedTransformerConfig": _Config,
    "transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig": _Config,
    "numpy.core.multiarray.scalar": _Ignored,
    "numpy._core.multiarray.scalar": _Ignored,
    "numpy.dtype": _Ignored,
}
_DATA_TYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
_STORAGES = ["Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"]
_HARMLESS = frozenset(
    {"collections.OrderedDict", "_codecs.encode", "torch._utils._rebuild_tensor_v2", "torch.device"}
    | {f"torch.{name}" for name in _DATA_TYPES}
    | {f"torch.{name}Storage" for name in _STORAGES}
)


def load_safely(path: Path) -> dict[str, Any]:
    """The dict saved in a `.pt`, its tensors mapped from the file.

    Raises:
        InputError: the file is missing, damaged, no `.pt`, or holds no dict.
        UnsafeFileError: loading it would run code, or it claims sizes it does not have.
        MissingExtraError: torch is not installed, or older than 2.10.
    """
    torch = import_torch()
    _check_archive(path)
    try:
        with torch.serialization.safe_globals([(stand_in, name) for name, stand_in in _STAND_INS.items()]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a damaged or hostile file makes torch stumble over
        raise InputError(f"torch cannot load it: {_reason(error)}", where=str(path), fix=_FIX) from error
    if not isinstance(content, dict):
        raise InputError(f"holds a {type(content).__name__}, not an attribution graph", where=str(path), fix=_FIX)
    for name, value in content.items():
        if isinstance(value, torch.Tensor):
            _check_size(value, f"{path}: {name}")
        else:
            _check_plain(value, f"{path}: {name}", torch.Tensor)
    return content


def import_torch() -> Any:
    """The module torch.

    Raises:
        MissingExtraError: it is not installed, or older than 2.10.
    """
    try:
        import torch  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "reading a .pt file needs torch", fix="pip install 'circuit-atlas[attribution]'"
        ) from error
    found = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if found < OLDEST_TORCH:
        raise MissingExtraError(
            f"torch {torch.__version__} does not read files safely (CVE-2025-32434, CVE-2026-24747)",
            fix="pip install 'torch>=2.10'",
        )
    return torch


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            packed = [record.filename for record in records if record.compress_type != zipfile.ZIP_STORED]
            if packed:
                raise UnsafeFileError("its records are compressed; it was not loaded", where=str(path), fix=_FIX)
            if sum(record.file_size for record in records) > path.stat().st_size:
                raise UnsafeFileError(
                    "its records claim to be larger than the file; it was not loaded", where=str(path), fix=_FIX
                )
            pickles = [record for record in records if record.filename.endswith("/data.pkl")]
            if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
                raise InputError("not a file of torch.save", where=str(path), fix=_FIX)
            code = archive.read(pickles[0])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise InputError(f"not a .pt file, or cut short: {error}", where=str(path), fix=_FIX) from error
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", where=str(path), fix="Check the path."
        ) from error
    _check_names(code, path)


def _check_names(code: bytes, path: Path) -> None:
    """Refuse a pickle that asks for any name not listed here, or for an encoding of quadratic cost."""
    names, texts = set(), set()
    try:
        for opcode, argument, _ in pickletools.genops(code):
            if opcode.name in ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
                raise _unsafe(f"the pickle operation {opcode.name}", path)
            if opcode.name == "GLOBAL":
                name = str(argument).replace(" ", ".")
                if name not in _HARMLESS and name not in _STAND_INS:
                    raise _unsafe(name, path)
                names.add(name)
            elif isinstance(argument, str):
                texts.add("".join(filter(str.isalnum, argument[:32])).lower())
    except (ValueError, IndexError) as error:
        raise InputError(f"its pickle is damaged: {error}", where=str(path), fix=_FIX) from error
    for codec in texts.intersection(_SLOW_CODECS) if "_codecs.encode" in names else ():
        raise _unsafe(f"the encoding {codec}", path)


def _unsafe(name: str, path: Path) -> UnsafeFileError:
    return UnsafeFileError(
        f"it asks for {name}, which no attribution graph needs and which could run code; it was not loaded",
        where=str(path),
        fix="Do not load this file with other tools either, unless you trust whoever made it.",
    )


def _check_size(tensor: torch.Tensor, where: str) -> None:
    """A tensor may claim, by its strides, to be larger than what the file holds."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise UnsafeFileError(
            f"claims {tuple(tensor.shape)} elements, which the file does not hold", where=where, fix=_FIX
        )


def _check_plain(value: Any, where: str, tensor: type) -> None:
    """A short pickle unfolds to any size by naming one list or text many times."""
    left, pending = _LARGEST_CONTENT, [value]
    while pending:
        item = pending.pop()
        left -= len(item) if isinstance(item, str) else 1
        if left < 0:
            raise UnsafeFileError("unfolds to more than any graph holds", where=where, fix=_FIX)
        if isinstance(item, tensor) or (isinstance(item, int) and abs(item) >= 1 << 63):
            raise InputError(f"holds a {type(item).__name__} that no graph holds there", where=where, fix=_FIX)
        pending.extend(_parts(item))


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, list | tuple | set):
        return item
    return vars(item).values() if isinstance(item, _Config) else ()


def _reason(error: Exception) -> str:
    """One line, without torch's advice to load the file unsafely."""
    line = (str(error) or type(error).__name__).splitlines()[0][:300]
    return "its pickle is none of torch.save's" if "weights_only" in line else line
