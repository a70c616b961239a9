"""Imports files of explanations: Neuronpedia's exports (JSON lines), and tables of layer, index and label."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.explain.lines import Entry, Lines, Reader, read_json_line, table_reader
from circuit_atlas.explain.results import ImportResult
from circuit_atlas.explain.statements import EXPLAIN, EXPLAIN_ALL, KNOWN
from circuit_atlas.explain.store import Explanation, Feature, now, store_explanations
from circuit_atlas.explain.text import clean_text
from circuit_atlas.ingest.labels import IMPORTED, NEURONPEDIA
from circuit_atlas.ingest.source_sets import SourceSet, neuronpedia_name
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.results import GraphSummary

_AT_ONCE = 2000  # explanations in a transaction
_SUFFIXES = (".jsonl", ".jsonl.gz", ".tsv", ".tsv.gz")


def import_explanations(
    database: Database,
    *sources: str | os.PathLike[str],
    model: str | None = None,
    source_set: str | None = None,
    all_features: bool = False,
    max_size: float = 8.0,
) -> ImportResult:
    """Import explanations of the features in the database from files. They replace what the same source said before.

    Args:
        database: the database.
        sources: files of Neuronpedia's exports (`explanations/batch-0.jsonl.gz`), tab-separated tables of layer, index
            and label, and folders of such files.
        model: the language model that a table is about.
        source_set: the set of transcoders that a table is about.
        all_features: whether to store explanations of features that are active in no graph, too.
        max_size: GB that the files may have together, unpacked.

    Raises:
        InputError: a file cannot be read or is too large; what was read before is stored.
        InvalidArgumentError: a table is given without `model` and `source_set`.
    """
    importer = _Importer(database, list_graphs(database).graphs, all_features)
    with database.writing(), tqdm(unit=" lines", unit_scale=True, disable=None if database.progress else True) as bar:
        lines, date = Lines(int(max_size * 1e9)), now()
        for path in _files(map(Path, sources)):
            found = lines.of(path)
            beginning = list(islice(found, 1))
            if not beginning:
                continue
            reader, source, has_head = _reader(path, beginning[0], model, source_set)
            entries = importer.entries(found if has_head else chain(beginning, found), reader, bar)
            while batch := list(islice(entries, _AT_ONCE)):
                importer.store(batch, source, date)
    return importer.result()


class _Importer:
    def __init__(self, database: Database, graphs: Iterable[GraphSummary], all_features: bool) -> None:
        self._database, self._all = database, all_features
        self._sets: dict[SourceSet, set[SourceSet]] = defaultdict(set)  # of the database, by Neuronpedia's name
        for source_set in {(graph.model, graph.source_set) for graph in graphs}:
            if name := neuronpedia_name(source_set):
                self._sets[name].add(source_set)
        self._known = cache(self._ask_known)
        self._features: set[Feature] = set()
        self._read = self._stored = self._malformed = 0

    def entries(self, lines: Iterable[bytes | None], reader: Reader, bar: Any) -> Iterator[Entry]:
        for line in lines:
            bar.update()
            entry = None if line is None else reader(line)
            self._malformed += entry is None
            if entry is not None:
                self._read += 1
                yield from self._targets(entry)

    def store(self, batch: Sequence[Entry], source: str, date: str) -> None:
        explained: Mapping[Feature, list[Explanation]] = defaultdict(list)
        for entry in batch:
            explained[entry.feature].append(entry.explanation)
        store_explanations(
            self._database,
            explained,
            source=source,
            date=date,
            fetched=source == NEURONPEDIA,
            statement=EXPLAIN_ALL if self._all else EXPLAIN,
        )
        self._stored += len(batch)
        self._features |= explained.keys()

    def result(self) -> ImportResult:
        return ImportResult(
            explanations=self._read, stored=self._stored, features=len(self._features), malformed=self._malformed
        )

    def _targets(self, entry: Entry) -> Iterator[Entry]:
        name, place = entry.feature[:2], entry.feature[2:]
        for source_set in {name} | self._sets.get(name, set()):
            if self._all or place in self._known(*source_set):
                yield Entry(Feature(*source_set, *place), entry.explanation)

    def _ask_known(self, model: str, source_set: str) -> frozenset[tuple[int, int]]:
        rows = self._database.read(KNOWN, model=model, source_set=source_set)
        return frozenset((row["layer"], row["index"]) for row in rows)


def _reader(path: Path, first: bytes | None, model: str | None, source_set: str | None) -> tuple[Reader, str, bool]:
    """What reads the lines of a file, the source they come from, and whether the first one holds names of columns."""
    if first is None or first.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
        return read_json_line, NEURONPEDIA, False
    if model is None or source_set is None:
        raise InvalidArgumentError(
            "a table does not say which features it is about",
            where=str(path),
            fix="Give --model and --source-set, as `circuit-atlas graphs` shows them.",
        )
    reader, has_head = table_reader(first, model, source_set)
    return reader, IMPORTED + clean_text(path.name, 100), has_head


def _files(sources: Iterable[Path]) -> list[Path]:
    files = []
    for source in sources:
        found = sorted(path for path in source.rglob("*") if path.name.endswith(_SUFFIXES)) if source.is_dir() else []
        if source.is_dir() and not found:
            raise InputError(f"holds no file that ends in {', '.join(_SUFFIXES)}", where=str(source))
        files += found or [source]
    return files
