"""Reads lines of files of explanations, compressed or not. Nothing in them is trusted, in form or size."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from circuit_atlas.errors import InputError
from circuit_atlas.explain.responses import read_explanation, read_feature, read_number
from circuit_atlas.explain.store import Feature
from circuit_atlas.explain.text import clean_text
from circuit_atlas.ingest.gzipped import open_maybe_gzipped
from circuit_atlas.printable import printable
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.remote.json_text import MalformedError, read_json

_MAX_LINE = 1 << 20  # bytes
_MAX_BLANK = 1_000_000  # blank lines: a small compressed file can have billions, and say nothing
_BYTE_ORDER_MARK = "\ufeff"  # Windows programs put it before the first line
_SHOWN = 100  # characters of a line
_LABEL_COLUMNS = ("label", "clerp", "explanation", "description")


class Entry(NamedTuple):
    """A line of a file: a feature and an explanation of it."""

    feature: Feature
    explanation: Explanation


LineReader = Callable[[bytes], Entry | None]  # None for a line that cannot be read


class Lines:
    """Reads the lines of files, without their ends.

    Args:
        max_bytes: the size of all files together once decompressed, at most. (A file of some MB can become many GB.)
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._bytes_left = max_bytes
        self._blank = 0

    def of(self, path: Path) -> Iterator[bytes | None]:
        """The lines of a file that are not blank; None for one of more than 1 MB.

        Raises:
            InputError: the file cannot be opened or decompressed, is too large, or has too many blank lines.
        """
        try:
            with open_maybe_gzipped(path) as file:
                yield from self._lines(file, path)
        except OSError as error:
            raise InputError(f"cannot be read: {error}", where=str(path), fix="Check the path.") from error

    def _lines(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> Iterator[bytes | None]:
        while line := self._read(file, path):
            is_whole = line.endswith(b"\n") or len(line) <= _MAX_LINE
            while not line.endswith(b"\n") and len(line) > _MAX_LINE:  # skip the rest of a line that is too long
                line = self._read(file, path)
            if not is_whole:
                yield None
            elif line.strip():
                yield line.rstrip(b"\r\n")
            else:
                self._count_blank(path)

    def _count_blank(self, path: Path) -> None:
        self._blank += 1
        if self._blank > _MAX_BLANK:
            raise InputError(
                f"more than {_MAX_BLANK:,} blank lines",
                where=str(path),
                fix="This is not a file of explanations: give one of Neuronpedia's exports, or a table.",
            )

    def _read(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> bytes:
        line = file.readline(_MAX_LINE + 1)
        self._bytes_left -= len(line)
        if self._bytes_left < 0:
            raise InputError(
                f"the files contain more than {self._max_bytes / 1e9:g} GB",
                where=str(path),
                fix="What was read before is stored. If the files are meant to be that large, raise --max-size.",
            )
        return line


def read_json_line(line: bytes) -> Entry | None:
    """Read a line of Neuronpedia's files: `modelId`, `layer`, `index`, `description`, `explanationModelName`,
    `typeName`."""
    try:
        item = read_json(line)
    except MalformedError:
        return None
    feature, explanation = read_feature(item), read_explanation(item)
    return Entry(feature, explanation) if feature and explanation else None


def table_reader(first: bytes, model: str, source_set: str, where: str = "") -> tuple[LineReader, bool]:
    """How to read the lines of a table with tabs.

    Args:
        first: the first line. It may name the columns; else they are layer, index and label, in this order.
        model: the language model that the table is about.
        source_set: the set of transcoders that it is about.
        where: the name of the file.

    Returns:
        The reader of a line, and whether the first line names the columns. A label may be a JSON text, in quotes.

    Raises:
        InputError: the first line names layer and index, but no column of labels.
    """
    headers = [header.strip().lower() for header in _cells(first)]
    label_column = next((name for name in _LABEL_COLUMNS if name in headers), None)
    names_places = {"layer", "index"} <= set(headers)
    if names_places and label_column is None:
        raise InputError(
            f"the first line names no column of labels: {printable(', '.join(headers))[:_SHOWN]}",
            where=where,
            fix=f"Name it {' or '.join(_LABEL_COLUMNS)}.",
        )
    has_headers = label_column is not None and names_places
    names = ("layer", "index", label_column or "")
    columns = [headers.index(name) for name in names] if has_headers else [0, 1, 2]

    def read(line: bytes) -> Entry | None:
        cells = _cells(line)
        if len(cells) <= max(columns):
            return None
        layer, index = (read_number(cells[column].strip()) for column in columns[:2])
        text = clean_text(_unquoted(cells[columns[2]]))
        if layer is None or index is None or not text:
            return None
        return Entry(Feature(model, source_set, layer, index), Explanation(text=text))

    return read, has_headers


def _cells(line: bytes) -> list[str]:
    """The cells of a line of a table; one empty cell when it is not UTF-8."""
    try:
        return line.decode("utf-8").removeprefix(_BYTE_ORDER_MARK).split("\t")
    except UnicodeDecodeError:
        return [""]


def _unquoted(cell: str) -> str:
    """A cell without its quotes: JSON's, or those of a spreadsheet, which doubles quotes within a text."""
    cell = cell.strip()
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        try:
            return str(json.loads(cell))
        except (ValueError, RecursionError):
            inside = cell[1:-1].replace('""', "")
            return cell if '"' in inside else cell[1:-1].replace('""', '"')  # else quotes that are part of the text
    return cell
