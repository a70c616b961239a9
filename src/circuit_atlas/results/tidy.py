"""Tidy data: one row for each thing, one column for each field, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from threading import Lock
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, get_args, get_origin

from circuit_atlas.errors import AtlasError, needs_extra
from circuit_atlas.schema.models import Record

if TYPE_CHECKING:
    import pandas

Row = dict[str, Any]
# Records in a field of these names give their columns without the name of the field before them.
_INLINE = ("node", "feature", "result", "occurrence", "place")
_NOTES = "notes"
_DTYPES = {int: "int64", float: "float64", bool: "bool"}


class _Kept(Iterable[Row]):
    """Rows that are made when they are first asked for, and kept: what makes them can be read only once."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: Iterable[Row] | Exception = rows
        self._reading = Lock()

    def __reduce__(self) -> tuple[type[_Kept], tuple[list[Row]]]:
        """A copy, or what is pickled, has the rows."""
        return _Kept, (list(self),)

    def __iter__(self) -> Iterator[Row]:
        with self._reading:
            if not isinstance(self._rows, list | Exception):
                rows = self._rows
                self._rows = AtlasError("these rows were read only in part", fix="Ask for the data again.")
                try:
                    self._rows = list(rows)
                except Exception as error:
                    self._rows = error
        if isinstance(self._rows, Exception):
            raise self._rows
        return iter(self._rows)


class _Fields(NamedTuple):
    columns: Mapping[str, Any]
    rows: Iterable[Row]


class Tidy(_Fields):
    """Rows as data, which can be read as often as one likes.

    Args:
        columns: the columns with the types of their values.
        rows: the rows, which have a value for each column.
    """

    __slots__ = ()

    def __new__(cls, columns: Mapping[str, Any], rows: Iterable[Row]) -> Self:
        """Keep rows that could be read only once."""
        return super().__new__(cls, columns, _Kept(rows))

    def with_first(self, **same: Any) -> Tidy:
        """The same with columns in front that have one value in all rows, unless the rows have such a column."""
        new = {name: value for name, value in same.items() if name not in self.columns}
        columns = {name: type(value) for name, value in new.items()} | dict(self.columns)
        return Tidy(columns, ({**new, **row} for row in self.rows)) if new else self

    @classmethod
    def joined(cls, *parts: Tidy) -> Self:
        """The rows of several. What only some of them have as a column is None in the others."""
        kinds = {name: kind for part in reversed(parts) for name, kind in part.columns.items()}
        columns = {
            name: kinds[name] if all(name in part.columns for part in parts) else kinds[name] | None
            for name in dict.fromkeys(name for part in parts for name in part.columns)
        }
        return cls(columns, ({name: row.get(name) for name in columns} for part in parts for row in part.rows))

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas.DataFrame. Integers that may be missing are of pandas' dtype `Int64`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        with needs_extra("pandas", "a data frame"):
            import pandas
        rows = list(self.rows)
        values = {name: [row[name] for row in rows] for name in self.columns}
        return pandas.DataFrame({name: _series(values[name], kind) for name, kind in self.columns.items()})


def tidy(record: type[Record], records: Iterable[Record], **same: Any) -> Tidy:
    """Records as tidy data.

    Records in them become columns of their own; `source` of a direct effect becomes `source_key`, `source_name` and so
    on. Lists of records in them are left out: they are things of another kind. So are the notes of an answer, which
    are not data.

    Args:
        record: the type of the records.
        records: the records.
        same: further columns in front, with one value in all rows.
    """
    return Tidy(dict(_columns(record)), (dict(_cells(record, one)) for one in records)).with_first(**same)


def tidy_lists(record: type[Record], column: str, lists: Iterable[tuple[str, Iterable[Record]]]) -> Tidy:
    """Lists of records as tidy data, one after the other.

    Args:
        record: the type of the records.
        column: a further column in front: the name of the list that a record is in.
        lists: names of lists, and the lists.
    """
    return Tidy.joined(
        tidy(record, [], **{column: ""}), *(tidy(record, records, **{column: name}) for name, records in lists)
    )


def listed(annotation: Any) -> type[Record] | None:
    """The type of the records in a list of records; None for any other type. Of a list of records that may be of a
    derived type, such as `list[AggregatedPath | Path]`, the type that comes last."""
    inner = get_args(annotation)[0] if get_origin(annotation) is list else None
    last = get_args(inner)[-1] if get_origin(inner) is UnionType else inner
    return last if isinstance(last, type) and issubclass(last, Record) else None


def _columns(record: type[Record], prefix: str = "", is_optional: bool = False) -> Iterator[tuple[str, Any]]:
    for name, field in record.model_fields.items():
        inner = _record(field.annotation)
        if inner:
            may_be_none = is_optional or field.annotation is not inner
            yield from _columns(inner, _prefix(prefix, name), may_be_none)
        elif listed(field.annotation) is None and name != _NOTES:
            kind: Any = field.annotation
            yield prefix + name, kind | None if is_optional else kind


def _cells(record: type[Record], value: Record | None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in record.model_fields.items():
        inner, cell = _record(field.annotation), getattr(value, name, None)
        if inner:
            yield from _cells(inner, cell, _prefix(prefix, name))
        elif listed(field.annotation) is None and name != _NOTES:
            yield prefix + name, cell.value if isinstance(cell, Enum) else cell


def _prefix(prefix: str, name: str) -> str:
    return prefix if name in _INLINE else f"{prefix}{name}_"


def _record(annotation: Any) -> type[Record] | None:
    """The type of record of a field that is one, or may be None."""
    found = [one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, Record)]
    return found[0] if found and get_origin(annotation) is not list else None


def _series(values: list[Any], kind: Any) -> pandas.Series[Any]:
    import pandas

    dtypes: dict[Any, str] = {**_DTYPES, int | None: "Int64", float | None: "float64", bool | None: "boolean"}
    try:
        return pandas.Series(values, dtype=dtypes.get(kind, "object"))
    except OverflowError:  # a number of paths that has more than 64 bits
        return pandas.Series(values, dtype="object")
