"""The rows of a statement, as an answer."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from pydantic import field_serializer

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.limits import MAX_ROWS


class Rows(Result):
    """Rows of a Cypher statement or of a query of the catalogue."""

    columns: list[str]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, columns: list[str], rows: list[dict[str, Any]]) -> Rows:
        """The answer with these rows, and a note if there may be more."""
        is_cut = len(rows) >= MAX_ROWS
        notes = [f"There may be more than {MAX_ROWS:,} rows, which is all that a query returns."] if is_cut else []
        if odd := [name for name in columns if any(_is_not_finite(row.get(name)) for row in rows)]:
            notes.append(f"{', '.join(odd)}: NaN and Infinity are null in JSON, which does not have them.")
        return cls(columns=columns, rows=rows, notes=notes)

    @field_serializer("rows", when_used="json")
    def _as_json(self, rows: list[dict[str, Any]]) -> Any:
        return plain(rows)

    def _why_empty(self) -> str:
        return "The query found no rows." if self.columns else ""  # without columns, it only writes

    def table(self) -> tuple[list[str], Cells]:
        """A row per row."""
        columns = [[row.get(column) for row in self.rows] for column in self.columns]
        shown = [[*map(_in_full, values)] if {int, float} <= set(map(type, values)) else values for values in columns]
        return self.columns, [list(row) for row in zip(*shown, strict=True)]

    def _items(self) -> Sequence[dict[str, Any]]:
        return self.rows

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({column: row.get(column) for column in self.columns} for row in self.rows)
        return {"rows": Tidy(dict.fromkeys(self.columns, Any), rows)}


def _in_full(value: Any) -> Any:
    """A value of a column with integers, such as ids, and other numbers. Only the latter are cut to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value) if type(value) is int else value


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def plain(value: Any) -> Any:
    """A value without Neo4j's own types (dates, points, ...), which become text, as do bytes: in base64."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.iso_format() if hasattr(value, "iso_format") else str(value)
