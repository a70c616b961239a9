"""Imports files of explanations: Neuronpedia's exports (JSON lines), and tables of layer, index and label."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.explain.lines import Entry, LineReader, Lines, read_json_line, table_reader
from circuit_atlas.explain.results import ImportResult
from circuit_atlas.explain.statements import EXPLAIN, EXPLAIN_ALL, STORED_FEATURES
from circuit_atlas.explain.store import Feature, now, store_explanations
from circuit_atlas.explain.text import clean_text
from circuit_atlas.files import files_below
from circuit_atlas.ingest.labels import IMPORTED, NEURONPEDIA
from circuit_atlas.queries.graph_results import GraphSummary
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.schema.source_sets import SourceSet, neuronpedia_name

_BATCH_SIZE = 2000  # explanations in a transaction
_MAX_MALFORMED = 1_000_000  # lines that cannot be read
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
        sources: files of Neuronpedia's exports (`explanations/batch-0.jsonl.gz`), tab-separated tables, and folders of
            such files.
        model: the language model that tables are about.
        source_set: the set of transcoders that tables are about.
        all_features: whether to store explanations of features that are active in no graph, too.
        max_size: largest size of all files together once decompressed, in GB.

    Raises:
        InputError: a file cannot be read, is too large, or has a million lines that say nothing; what was read
            before is stored.
        InvalidArgumentError: there is a table, but `model` or `source_set` is missing.
    """
    if not max_size > 0:
        raise InvalidArgumentError(f"max_size cannot be {max_size}", fix="It must be a number of GB, more than 0.")
    importer = _Importer(database, list_graphs(database).graphs, all_features)
    with database.writing(), tqdm(unit=" lines", unit_scale=True, disable=None if database.progress else True) as bar:
        lines, date = Lines(int(min(max_size, 1e9) * 1e9)), now()
        for path in _files(map(Path, sources)):
            found = lines.of(path)
            first = list(islice(found, 1))
            if not first:
                continue
            read, source, has_headers = _reader(path, first[0], model, source_set)
            importer.has_table |= source != NEURONPEDIA
            entries = importer.entries(found if has_headers else chain(first, found), path, read, bar)
            for batch in _batches(entries):
                importer.store(batch, source, date)
    result = importer.result()
    if not importer.has_table and (model is not None or source_set is not None):
        result.notes.append("A model or a set of transcoders is for tables, but no file is one: it had no effect.")
    return result


class _Importer:
    """Finds the features of the database that lines are about, stores explanations of them, and counts both."""

    def __init__(self, database: Database, graphs: Iterable[GraphSummary], all_features: bool) -> None:
        self._database, self._all_features = database, all_features
        # Neuronpedia's name of a source set -> its names in the database, of which there may be several
        self._our_names: dict[SourceSet, set[SourceSet]] = defaultdict(set)
        for source_set in {source_set for graph in graphs for source_set in graph.source_sets}:
            if name := neuronpedia_name(source_set):
                self._our_names[name].add(source_set)
        self._stored_features = cache(self._read_stored_features)
        self._features: set[Feature] = set()
        self.has_table = False
        self._read = self._stored = self._malformed = 0

    def entries(self, lines: Iterable[bytes | None], path: Path, read: LineReader, bar: Any) -> Iterator[Entry]:
        """The entries to store: one for each feature of the database that a line is about."""
        for line in lines:
            bar.update()
            entry = None if line is None else read(line)
            self._malformed += entry is None
            if self._malformed > _MAX_MALFORMED:
                raise InputError(
                    f"more than {_MAX_MALFORMED:,} lines are not explanations",
                    where=str(path),
                    fix="What was read before is stored. Give one of Neuronpedia's exports, or a table.",
                )
            if entry is not None:
                self._read += 1
                yield from self._targets(entry)

    def store(self, batch: Sequence[Entry], source: str, date: str) -> None:
        explained: dict[Feature, list[Explanation]] = defaultdict(list)
        for entry in batch:
            explained[entry.feature].append(entry.explanation)
        store_explanations(
            self._database,
            explained,
            source=source,
            date=date,
            fetched=source == NEURONPEDIA,
            statement=EXPLAIN_ALL if self._all_features else EXPLAIN,
        )
        self._stored += len(batch)
        self._features |= explained.keys()

    def result(self) -> ImportResult:
        return ImportResult(
            explanations=self._read, stored=self._stored, features=len(self._features), malformed=self._malformed
        )

    def _targets(self, entry: Entry) -> Iterator[Entry]:
        name, layer_and_index = entry.feature[:2], entry.feature[2:]
        for source_set in {name} | self._our_names.get(name, set()):
            if self._all_features or layer_and_index in self._stored_features(*source_set):
                yield Entry(Feature(*source_set, *layer_and_index), entry.explanation)

    def _read_stored_features(self, model: str, source_set: str) -> frozenset[tuple[int, int]]:
        """Layer and index of each feature of a source set that the database has."""
        rows = self._database.read(STORED_FEATURES, model=model, source_set=source_set)
        return frozenset((row["layer"], row["index"]) for row in rows)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries in batches for a transaction each. What was read before an error comes before the error."""
    batch: list[Entry] = []
    try:
        for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH_SIZE:
                yield batch
                batch = []
    except InputError:
        yield batch
        raise
    yield batch


def _reader(path: Path, first: bytes | None, model: str | None, source_set: str | None) -> tuple[LineReader, str, bool]:
    """How to read the lines of a file, the source of its explanations, and whether the first line names columns.

    `first` is None when the first line is too long, which happens in JSON only.
    """
    if first is None or first.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
        return read_json_line, NEURONPEDIA, False
    if model is None or source_set is None:
        raise InvalidArgumentError(
            "a table does not say which features it is about",
            where=str(path),
            fix="Give --model and --source-set, as `circuit-atlas graphs` shows them.",
        )
    read, has_headers = table_reader(first, model, source_set, str(path))
    return read, IMPORTED + clean_text(path.name, 100), has_headers


def _files(sources: Iterable[Path]) -> list[Path]:
    files = []
    for source in sources:
        found = files_below(source, _SUFFIXES) if os.path.isdir(source) else [source]
        if not found:
            raise InputError(
                f"contains no file that ends in {', '.join(_SUFFIXES)}",
                where=str(source),
                fix="Give a folder of Neuronpedia's exports or of tables.",
            )
        files += found
    return files
