"""A Parquet file as Neo4j's importer reads it: each column is named `property:type`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_atlas.errors import InputError, needs_extra
from circuit_atlas.ingest.rows import Row
from circuit_atlas.schema.properties import EMPTY, STRING, STRINGS

ColumnTypes = Mapping[str, str]  # name of a property, or `:ID`, `:LABEL`, ... of the importer -> type
_BATCH_SIZE = 10_000  # rows


class ParquetTable:
    """A Parquet file that rows are added to.

    The importer treats an empty text as missing. So a node lists the properties that are empty texts in a further
    property, `empty`, and the statement `FILL_EMPTY` sets them after the import.

    Args:
        path: where to write the file.
        columns: the type of each column, in the words of the importer.

    Raises:
        MissingExtraError: the extra `parquet` is not installed.
    """

    def __init__(self, path: Path, columns: ColumnTypes) -> None:
        with needs_extra("parquet", "writing Parquet"):
            import pyarrow
            import pyarrow.parquet
        types = {
            "string": pyarrow.string(),
            "long": pyarrow.int64(),
            "double": pyarrow.float64(),
            "boolean": pyarrow.bool_(),
            "datetime": pyarrow.timestamp("us", tz="UTC"),
        }
        types |= {f"{name}[]": pyarrow.list_(types[name]) for name in ("string", "long", "double")}
        self.path, self._arrow = path, pyarrow
        self._texts = [name for name, kind in columns.items() if kind == STRING and ":ID" in columns]
        self._columns = {**columns, **({EMPTY: STRINGS} if self._texts else {})}
        self._types = {name: types[kind] for name, kind in self._columns.items()}
        headers = [name if name.startswith(":") else f"{name}:{kind}" for name, kind in self._columns.items()]
        self._schema = pyarrow.schema(list(zip(headers, self._types.values(), strict=True)))
        self._rows: list[Row] = []
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="snappy", write_statistics=False)

    def add(self, row: Row) -> None:
        """Add a row. Properties that it lacks will be missing in the database.

        Raises:
            InputError: the row has a property without a column.
        """
        unknown = row.keys() - self._columns.keys()
        if unknown:
            raise InputError(
                f"the schema has no property {', '.join(sorted(unknown))}",
                where=self.path.stem,
                fix="Remove the properties that were added to the store by hand, or use the graph's file.",
            )
        empty = [name for name in self._texts if row.get(name) == ""]
        self._rows.append({**row, EMPTY: empty} if empty else row)
        if len(self._rows) >= _BATCH_SIZE:
            self._flush()

    def add_columns(self, columns: Mapping[str, Any]) -> None:
        """Add rows given as columns of equal length."""
        self._write({name: columns.get(name) for name in self._columns})

    def close(self) -> None:
        """Write the remaining rows and close the file; can be repeated."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._write({name: [row.get(name) for row in self._rows] for name in self._columns})
            self._rows = []

    def _write(self, columns: Mapping[str, Any]) -> None:
        size = max(len(column) for column in columns.values() if column is not None)
        missing, array = self._arrow.nulls, self._arrow.array
        arrays = [
            missing(size, self._types[name]) if column is None else array(column, self._types[name])
            for name, column in columns.items()
        ]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema))
