"""Fuzzes the reader of `.pt` files: `python tests/fuzz/fuzz_pt.py [libFuzzer's options] [corpus]`."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import atheris
from guard import check, fuzz, read_pt

FILE = Path(__file__).parents[1] / "data" / "small.pt"
GENUINE = FILE.read_bytes()
read_pt(FILE)  # imports all that reading needs
with zipfile.ZipFile(io.BytesIO(GENUINE)) as _archive:
    RECORDS = {record.filename: _archive.read(record) for record in _archive.infolist()}
PICKLE = next(name for name in RECORDS if name.endswith("data.pkl"))


def archive(records: dict[str, bytes]) -> bytes:
    """A file of torch.save with those records."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as made:
        for name, content in records.items():
            made.writestr(name, content)
    return stream.getvalue()


def changed(content: bytes, data: atheris.FuzzedDataProvider) -> bytes:
    """The content with some bytes replaced, removed or put in."""
    made = bytearray(content)
    for _ in range(data.ConsumeIntInRange(1, 8)):
        at = data.ConsumeIntInRange(0, len(made))
        made[at : at + data.ConsumeIntInRange(0, 4)] = data.ConsumeBytes(data.ConsumeIntInRange(0, 8))
    return bytes(made)


def one_input(content: bytes) -> None:
    """A genuine file with changed bytes, one with a changed pickle, and one with any pickle."""
    data = atheris.FuzzedDataProvider(content[1:])
    match content[:1] and content[0] % 4:
        case 0:
            made = changed(GENUINE, data)
        case 1 | 2:
            made = archive({**RECORDS, PICKLE: changed(RECORDS[PICKLE], data)})
        case _:
            made = archive({**RECORDS, PICKLE: content[1:]})
    check(read_pt, made, "fuzz.pt")


if __name__ == "__main__":
    fuzz(one_input)
