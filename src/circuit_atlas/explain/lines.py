"""Lines of files of explanations, read with bounds: packed or not, nothing in them is trusted, in form or size."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from circuit_atlas.errors import InputError
from circuit_atlas.explain.answers import MalformedError, read_explanation, read_feature, read_json, read_number
from circuit_atlas.explain.store import Explanation, Feature
from circuit_atlas.explain.text import clean_text
from circuit_atlas.ingest.gzipped import open_maybe_gzipped

_LONGEST = 1 << 20  # bytes of a line
_LABELS = ("label", "clerp", "explanation", "description")


class Entry(NamedTuple):
    """A line of a file: what it says of which feature."""

    feature: Feature
    explanation: Explanation


Reader = Callable[[bytes], Entry | None]  # of a line; None when it cannot be read


class Lines:
    """The lines of files, without their ends.

    Args:
        limit: bytes that may come out of all files together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def of(self, path: Path) -> Iterator[bytes | None]:
        """The lines of a file that are not blank; None for one that is too long.

        Raises:
            InputError: it cannot be opened or unpacked, or holds too much.
        """
        try:
            with open_maybe_gzipped(path) as file:
                yield from self._lines(file, path)
        except OSError as error:
            raise InputError(f"cannot be read: {error}", where=str(path)) from error

    def _lines(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> Iterator[bytes | None]:
        while line := self._read(file, path):
            whole = line.endswith(b"\n") or len(line) <= _LONGEST
            while not line.endswith(b"\n") and len(line) > _LONGEST:
                line = self._read(file, path)
            if not whole:
                yield None
            elif line.strip():
                yield line.rstrip(b"\r\n")

    def _read(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> bytes:
        line = file.readline(_LONGEST + 1)
        self._left -= len(line)
        if self._left < 0:
            raise InputError(
                f"the files hold more than {self._limit / 1e9:g} GB",
                where=str(path),
                fix="What was read so far is stored. If they are to be so large, raise --max-size.",
            )
        return line


def read_json_line(line: bytes) -> Entry | None:
    """An explanation in a file of Neuronpedia: `modelId`, `layer`, `index`, `description`, `explanationModelName`,
    `typeName`."""
    try:
        item = read_json(line)
    except MalformedError:
        return None
    feature, explanation = read_feature(item), read_explanation(item)
    return Entry(feature, explanation) if feature and explanation else None


def table_reader(first: bytes, model: str, source_set: str) -> tuple[Reader, bool]:
    """The reader of the lines of a table with tabs, and whether the first line holds the names of its columns; without
    them the columns are layer, index and label. A label may be JSON text, in quotes."""
    heads = [head.strip().lower() for head in (_decoded(first) or "").removeprefix("\ufeff").split("\t")]
    label = next((name for name in _LABELS if name in heads), None)
    is_head = label is not None and {"layer", "index"} <= set(heads)
    places = [heads.index(name) for name in ("layer", "index", label or "")] if is_head else [0, 1, 2]

    def read(line: bytes) -> Entry | None:
        cells = (_decoded(line) or "").removeprefix("\ufeff").split("\t")
        if len(cells) <= max(places):
            return None
        layer, index = (read_number(cells[place].strip()) for place in places[:2])
        text = clean_text(_unquoted(cells[places[2]]))
        if layer is None or index is None or not text:
            return None
        return Entry(Feature(model, source_set, layer, index), Explanation(text))

    return read, is_head


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        try:
            return str(json.loads(cell))
        except (ValueError, RecursionError):
            return cell[1:-1].replace('""', '"')
    return cell
