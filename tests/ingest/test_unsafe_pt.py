"""Files that would run code, claim what they do not hold, or are no graphs: refused, with nothing run."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from circuit_atlas.errors import InputError, UnsafeFileError
from circuit_atlas.ingest import read_graph


class _Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "make",
    [
        lambda marker, _: _Runs(os.system, f"touch {marker}"),
        lambda marker, _: _Runs(eval, f"open({marker!r}, 'w')"),
        lambda *_: _Runs(getattr, "text", "upper"),
        lambda marker, torch: _Runs(torch.load, marker),
        lambda *_: _Runs(bytearray, 10**12),
        lambda _, torch: _Runs(torch.zeros, 10**6, 10**6),
        lambda *_: Path("x"),
    ],
    ids=["system", "eval", "getattr", "torch.load", "bytearray", "zeros", "path"],
)
@pytest.mark.parametrize("field", ["scan", "extra", "cfg"])
def test_a_file_that_would_run_code_is_refused(
    make: Callable[[str, Any], object], field: str, saved: Path, torch: ModuleType, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    content = torch.load(saved, weights_only=False)
    torch.save({**content, field: make(str(marker), torch)}, saved)
    with pytest.raises(UnsafeFileError, match="it asks for .* it was not loaded"):
        read_graph(saved)
    assert not marker.exists()


def test_a_list_of_itself_does_not_fill_the_memory(saved: Path) -> None:
    """Allowed operations: a list that has itself 100,000 times, and so on without end."""
    many = b"]q\x00(" + b"h\x00" * 100_000 + b"e"
    pickled = b"\x80\x02}(X\x05\x00\x00\x00extra" + many + b"u."
    rewrite(saved, lambda name, content: pickled if name.endswith("data.pkl") else content)
    with pytest.raises(UnsafeFileError, match="unfolds to more values"):
        read_graph(saved)


def unicode(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def test_a_value_that_is_used_many_times_takes_no_time_and_memory(saved: Path) -> None:
    """Allowed operations: a long list of arguments for 100,000 calls, a dict of 10,000 fields for 100,000
    configurations, and a text of 1 MB as the name of a field of 100,000 dicts."""
    config = b"ccircuit_tracer.utils.tl_nnsight_mapping\nUnifiedConfig\n"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n"
    fields = b"}(" + b"".join(unicode(str(i)) + b"K\x00" for i in range(10_000)) + b"u"
    long = b"(" + b"K\x01" * 100_000 + b"t"
    programs = {
        "configurations": config + b"q\x00" + fields + b"q\x01](" + b"h\x00)\x81h\x01b" * 100_000 + b"e",
        "arguments": b"ctorch\ndevice\n" + b"q\x00" + long + b"q\x01](" + b"h\x00h\x01R" * 100_000 + b"e",
        "dimensions": tensor + b"q\x00(NK\x00" + long + b"q\x02h\x02tq\x01](" + b"h\x00h\x01R" * 100_000 + b"e",
        "names": b"](" + unicode("x" * 1_000_000) + b"q\x00" + b"}h\x00K\x00s" * 100_000 + b"e",
    }
    for name, program in programs.items():
        pickled = b"\x80\x02}(" + unicode("extra") + program + b"u."
        path = saved.with_name(f"{name}.pt")
        shutil.copy(saved, path)

        def hostile(member: str, content: bytes, code: bytes = pickled) -> bytes:
            return code if member.endswith("data.pkl") else content

        rewrite(path, hostile)
        with pytest.raises(InputError, match="more than any graph needs|no valid offset|unfolds to more"):
            read_graph(path)


def test_small_records_that_stand_for_large_fields_are_refused_before_they_are_copied(
    saved: Path, torch: ModuleType
) -> None:
    """One record of 10 MB, as each field: as numbers of eight bytes they would fill 700 MB."""
    content = torch.load(saved, weights_only=False)
    many = torch.zeros(10_000_000, dtype=torch.uint8)
    features = {"active_features": many[:9_999_999].view(-1, 3), "activation_values": many[:3_333_333]}
    for name in ("selected_features", "input_tokens", "logit_probabilities"):
        torch.save({**content, **features, name: many}, saved)
        tracemalloc.start()
        try:
            with pytest.raises(InputError, match=f"but {name} 10,000,000 values"):
                read_graph(saved)
            assert tracemalloc.get_traced_memory()[1] < 50_000_000
        finally:
            tracemalloc.stop()


def test_nested_values_in_the_place_of_texts_are_refused(saved: Path, torch: ModuleType) -> None:
    content = torch.load(saved, weights_only=False)
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    targets = [(nested, 1)] * len(content["logit_probabilities"])
    for name, value, message in (
        ("input_string", nested, "is a list, not a text"),
        ("logit_targets", targets, "is not a list of targets"),
    ):
        torch.save({**content, name: value}, saved)
        with pytest.raises(InputError, match=f"{name}: {message}"):
            read_graph(saved)


@pytest.mark.parametrize("value", [[[1, 2], [1]], ["a"], [{}]])
def test_lists_that_are_no_arrays_are_refused(value: object, saved: Path, torch: ModuleType) -> None:
    torch.save({**torch.load(saved, weights_only=False), "active_features": value}, saved)
    with pytest.raises(InputError, match="active_features: contains something other than numbers"):
        read_graph(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("input_string", "\ud83d", "input_string: half a character"),
        ("scan", "\ud83d", "half a character|damaged"),
        ("scan", "x" * 501, "scan: has 501 characters"),
        ("input_string", "x" * 1_000_001, "input_string: a text of 1,000,001 characters"),
    ],
)
def test_texts_that_cannot_be_stored(field: str, value: object, message: str, saved: Path, torch: ModuleType) -> None:
    torch.save({**torch.load(saved, weights_only=False), field: value}, saved)
    with pytest.raises(InputError, match=message) as raised:
        read_graph(saved)
    assert str(saved) in str(raised.value)
    assert raised.value.fix


def rewrite(path: Path, replace: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in records.items():
            archive.writestr(name, replace(name, content))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_pickle_of_any_protocol_put_into_the_archive_is_refused(
    protocol: int, small_pt: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    hostile = pickle.dumps(_Runs(os.system, f"touch {marker}"), protocol)
    rewrite(small_pt, lambda name, content: hostile if name.endswith("data.pkl") else content)
    with pytest.raises(UnsafeFileError):
        read_graph(small_pt)
    assert not marker.exists()


def test_compressed_records_are_refused(small_pt: Path) -> None:
    rewrite(small_pt, lambda _, content: content, zipfile.ZIP_DEFLATED)
    with pytest.raises(UnsafeFileError, match="compressed"):
        read_graph(small_pt)


def test_a_tensor_that_claims_more_than_the_file_has_is_refused(saved: Path, torch: ModuleType) -> None:
    """At once: a matrix of that size would fill the memory."""
    content = torch.load(saved, weights_only=False)
    torch.save({**content, "adjacency_matrix": torch.zeros(1).expand(10**6, 10**6)}, saved)
    with pytest.raises(UnsafeFileError, match=r"adjacency_matrix: claims \(1000000, 1000000\)"):
        read_graph(saved)


@pytest.mark.parametrize("make", [lambda zeros: zeros, lambda zeros: {"weight": zeros}])
def test_a_pt_of_tensors_that_is_no_graph_is_refused(
    make: Callable[[Any], object], torch: ModuleType, tmp_path: Path
) -> None:
    torch.save(make(torch.zeros(3)), tmp_path / "other.pt")
    with pytest.raises(InputError, match="not an attribution graph"):
        read_graph(tmp_path / "other.pt")


@pytest.mark.parametrize("content", [[1, 2], {}, "text"])
def test_a_pt_that_is_no_graph_is_refused(content: object, small_pt: Path) -> None:
    pickled = pickle.dumps(content, 2)
    rewrite(small_pt, lambda name, record: pickled if name.endswith("data.pkl") else record)
    with pytest.raises(InputError, match="not an attribution graph"):
        read_graph(small_pt)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", pickle.dumps({"a": 1}), b"{}"])
def test_a_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(InputError, match="not a .pt file"):
        read_graph(tmp_path / "other.pt")


def test_torchs_older_format_is_refused(saved: Path, torch: ModuleType) -> None:
    torch.save({"a": 1}, saved, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="not a .pt file"):
        read_graph(saved)


def test_a_pt_cut_short_is_refused(small_pt: Path) -> None:
    whole = small_pt.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 30)):
        small_pt.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_graph(small_pt)


def test_damaged_bytes_are_an_error_or_another_graph(small_pt: Path) -> None:
    """Every third byte of the pickle in turn: never a crash, never another kind of error."""
    whole = small_pt.read_bytes()
    start = whole.index(b"data.pkl") + 8
    for place in range(start, start + 1500, 3):
        small_pt.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        with contextlib.suppress(InputError):
            read_graph(small_pt)
