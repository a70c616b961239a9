"""Keeps rows with bytes of many graphs in a file, while the offline importer makes a store, which they are then written
into: Neo4j's importer would take a value of its own for each byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from circuit_atlas.database import Step
from circuit_atlas.errors import needs_extra
from circuit_atlas.ingest.rows import Row
from circuit_atlas.schema.properties import BOOLEAN, BYTES, LABELS, LONG, STRING

_ROWS_PER_STATEMENT = 500
_BYTES_PER_STATEMENT = 8_000_000


class ColumnFile:
    """An Arrow file of the rows of a label, which name their graph.

    Args:
        path: a new file.
        label: the label.
        statement: writes some of its rows.

    Raises:
        MissingExtraError: the extra `parquet` is not installed.
    """

    def __init__(self, path: Path, label: str, statement: str) -> None:
        with needs_extra("parquet", "a bulk ingest"):
            import pyarrow
        types = {STRING: pyarrow.string(), LONG: pyarrow.int64(), BOOLEAN: pyarrow.bool_(), BYTES: pyarrow.binary()}
        columns = {"graph": STRING} | {name: declared.type for name, declared in LABELS[label].properties.items()}
        self._schema = pyarrow.schema([(name, types[of]) for name, of in columns.items()])
        self._arrow, self._path, self._statement = pyarrow, path, statement
        self._writer = pyarrow.ipc.new_file(path, self._schema)

    def __enter__(self) -> ColumnFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for row in rows:
            self._writer.write_batch(self._arrow.RecordBatch.from_pylist([row], self._schema))

    def steps(self) -> Iterator[Step]:
        """The steps that write all rows into a store. Nothing can be added any more."""
        self._writer.close()
        batch, size = [], 0
        with self._arrow.memory_map(str(self._path)) as file:
            reader = self._arrow.ipc.open_file(file)
            for i in range(reader.num_record_batches):
                [row] = reader.get_batch(i).to_pylist()
                batch.append(row)
                size += sum(len(value) for value in row.values() if isinstance(value, bytes))
                if len(batch) == _ROWS_PER_STATEMENT or size > _BYTES_PER_STATEMENT:
                    yield self._statement, {"rows": batch}
                    batch, size = [], 0
        if batch:
            yield self._statement, {"rows": batch}
