"""One Parquet file, as Neo4j's importer reads it: column names are `property:type`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuit_atlas.ingest.rows import Row
from circuit_atlas.schema.properties import EMPTY, STRING, STRINGS

from circuit_atlas.errors import InputError, needs_extra

Columns = Mapping[str, str]  # property, or a name that begins with a colon, -> type
_ROWS_AT_ONCE = 10_000


class ParquetTable:
    """A file that rows are added to.

    The importer takes an empty text for a missing one. So a row names its properties that are empty texts in one
    more, `empty`, from which `FILL_EMPTY` sets them when the import is done.

    Args:
        path: of the file.
        columns: their types, in the words of the importer.

    Raises:
        MissingExtraError: the extra `parquet` is not installed.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
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
        heads = [name if name.startswith(":") else f"{name}:{kind}" for name, kind in self._columns.items()]
        self._schema = pyarrow.schema(list(zip(heads, self._types.values(), strict=True)))
        self._rows: list[Row] = []
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="snappy", write_statistics=False)

    def add(self, row: Row) -> None:
        """Add a row; properties that it lacks are missing in the database.

        Raises:
            InputError: a property that the table has no column for.
        """
        unknown = row.keys() - self._columns.keys()
        if unknown:
            raise InputError(
                f"the schema has no property {', '.join(sorted(unknown))}",
                where=self.path.stem,
                fix="Remove what was added to the store by hand, or ingest without --bulk.",
            )
        empty = [name for name in self._texts if row.get(name) == ""]
        self._rows.append({**row, EMPTY: empty} if empty else row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def add_columns(self, columns: Mapping[str, Any]) -> None:
        """Add rows as columns of equal length."""
        self._write({name: columns.get(name) for name in self._columns})

    def close(self) -> None:
        """Write the rest; can be repeated."""
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
