"""Files that would run code, claim what they do not hold, or are no graphs: refused, with nothing run."""

from __future__ import annotations

import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from circuit_atlas.ingest import read_graph

from circuit_atlas.errors import InputError, UnsafeFileError


class _Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "make",
    [
        lambda marker: _Runs(os.system, f"touch {marker}"),
        lambda marker: _Runs(eval, f"open({marker!r}, 'w')"),
        lambda _: _Runs(getattr, "text", "upper"),
        lambda marker: _Runs(torch.load, marker),
        lambda _: _Runs(bytearray, 10**12),
        lambda _: _Runs(torch.zeros, 10**6, 10**6),
        lambda _: Path("x"),
    ],
    ids=["system", "eval", "getattr", "torch.load", "bytearray", "zeros", "path"],
)
@pytest.mark.parametrize("field", ["scan", "extra", "cfg"])
def test_a_file_that_would_run_code(make: Any, field: str, saved: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = torch.load(saved, weights_only=False)
    torch.save({**content, field: make(str(marker))}, saved)
    with pytest.raises(UnsafeFileError, match="it asks for .* it was not loaded"):
        read_graph(saved)
    assert not marker.exists()


def rewrite(path: Path, replace: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in records.items():
            archive.writestr(name, replace(name, content))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_pickle_of_any_protocol_put_into_the_archive(protocol: int, saved: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hostile = pickle.dumps(_Runs(os.system, f"touch {marker}"), protocol)
    rewrite(saved, lambda name, content: hostile if name.endswith("data.pkl") else content)
    with pytest.raises(UnsafeFileError):
        read_graph(saved)
    assert not marker.exists()


def test_compressed_records(saved: Path) -> None:
    rewrite(saved, lambda _, content: content, zipfile.ZIP_DEFLATED)
    with pytest.raises(UnsafeFileError, match="compressed"):
        read_graph(saved)


def test_a_tensor_that_claims_more_than_the_file_holds(saved: Path) -> None:
    content = torch.load(saved, weights_only=False)
    torch.save({**content, "adjacency_matrix": torch.zeros(1).expand(10**6, 10**6)}, saved)
    started = time.monotonic()
    with pytest.raises(UnsafeFileError, match=r"adjacency_matrix: claims \(1000000, 1000000\)"):
        read_graph(saved)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"weight": torch.zeros(3)}, {}, "text"])
def test_what_is_no_graph(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match="not an attribution graph"):
        read_graph(tmp_path / "other.pt")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", pickle.dumps({"a": 1}), b"{}"])
def test_what_is_no_pt(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(InputError, match="not a .pt file"):
        read_graph(tmp_path / "other.pt")


def test_the_format_before_archives(saved: Path) -> None:
    torch.save({"a": 1}, saved, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="not a .pt file"):
        read_graph(saved)


def test_a_file_cut_short(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 30)):
        saved.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_graph(saved)


def test_damaged_bytes_are_an_error_or_another_graph(saved: Path) -> None:
    """Every byte of the pickle in turn: never a crash, never another kind of error."""
    whole = saved.read_bytes()
    start = whole.index(b"data.pkl") + 8
    for place in range(start, start + 1500, 3):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        try:
            read_graph(saved)
        except InputError:
            pass
