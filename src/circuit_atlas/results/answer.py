"""The base of all results: a table in a terminal and a notebook, a list in Python, and JSON, pandas and networkx."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, model_validator

from circuit_atlas.errors import InvalidArgumentError, needs_extra
from circuit_atlas.printable import printable, printable_json
from circuit_atlas.results.tables import Cells, alignment, cell_html, printable_cells, text_columns
from circuit_atlas.results.tidy import Tidy, listed, tidy
from circuit_atlas.schema.models import Node, Record
from circuit_atlas.schema.source_sets import SourceSets

if TYPE_CHECKING:
    import networkx
    import pandas

Edge = tuple[Node, Node, float]
_SHOWN_LINES = 100  # of an answer that Python shows by itself


class Result(Record):
    """Base of all results.

    An answer that lists things behaves as the list of them: `len`, iteration and indexing go over its records.
    """

    _list: ClassVar[str | None] = ""
    """The field with the records that the answer lists: by default the first such field; None if there is none."""

    _source_sets: SourceSets | None = PrivateAttr(None)
    """Of the features of its graph, if it is about one graph; their names lead to their pages."""

    notes: list[str] = Field(
        [],
        exclude_if=lambda notes: not notes,
        description="What should be known about the answer, such as why it is empty; left out if there is nothing",
    )

    @model_validator(mode="after")
    def _say_that_it_is_empty(self) -> Self:
        """An answer that lists nothing says so, unless it already says why, or how many it has."""
        if not self.notes and not self.heading and (why := self._why_empty()) and not len(self):
            self.notes.append(why)
        return self

    def ranks(self) -> list[float] | None:
        """Of each record that the answer lists, a number that is smaller the better it is; each is a row of the table.
        None where records of several graphs cannot be ranked together."""
        return None

    def _why_empty(self) -> str:
        """The note of an answer that lists nothing; an empty text if it needs no note."""
        return "Nothing was found."

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0, except for a result that reports failures."""
        return 0

    @abstractmethod
    def table(self) -> tuple[list[str], Cells]:
        """Column headers and rows of the result as a table."""

    def printable_table(self) -> tuple[list[str], Cells]:
        """The table with control characters of its texts escaped, for a terminal."""
        headers, rows = self.table()
        return [printable(header) for header in headers], printable_cells(rows)

    @property
    def heading(self) -> str:
        """A line above the table: what it is about, and how much of it is shown. Empty where the table says it all."""
        return ""

    def __str__(self) -> str:
        from tabulate import tabulate  # slow to import, and JSON does not need it

        headers, rows = self.printable_table()
        above = f"{printable(self.heading)}\n\n" if self.heading else ""
        below = "".join(f"\nNote: {printable(note)}" for note in self.notes)
        if not any(headers):
            return above + tabulate(rows, tablefmt="plain", disable_numparse=True) + below
        table = tabulate(rows, headers, tablefmt="simple", floatfmt=".4g", disable_numparse=text_columns(rows))
        return above + table + below

    def __repr__(self) -> str:
        lines = str(self).splitlines()
        left = len(lines) - _SHOWN_LINES
        return "\n".join([*lines[:_SHOWN_LINES], *([f"... and {left:,} more lines, which print() shows"] * (left > 0))])

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # pydantic's goes over the fields
        return iter(self._items())

    def __getitem__(self, place: int | slice) -> Any:
        """The record at a place; of a slice, the same answer with fewer records."""
        field = self._list_field()
        if isinstance(place, slice) and field is not None:
            return self.model_copy(update={field: getattr(self, field)[place]})
        return self._items()[place]

    def only(self, places: Sequence[int]) -> Self:
        """The same answer with the records at these places."""
        field = self._list_field()
        assert field is not None
        return self.model_copy(update={field: [self._items()[place] for place in places]})

    def _items(self) -> Sequence[Any]:
        """The items of the answer: records, or else its rows as data."""
        field = self._list_field()
        return list(self.data().rows) if field is None else getattr(self, field)

    @classmethod
    def _list_field(cls) -> str | None:
        return next(iter(_lists_of(cls)), None) if cls._list == "" else cls._list

    def _repr_html_(self) -> str:
        from tabulate import tabulate

        headers, rows = self.table()
        above = f"<p>{cell_html(self.heading, self._source_sets)}</p>\n" if self.heading else ""
        below = "".join(f"\n<p>Note: {escape(note)}</p>" for note in self.notes)
        cells = [[cell_html(cell, self._source_sets) for cell in row] for row in rows]
        titles = [escape(printable(header)) for header in headers]
        align = [alignment(column) for column in zip(*rows, strict=True)]
        table = str(tabulate(cells, titles, tablefmt="unsafehtml", colalign=align or None, disable_numparse=True))
        return above + table + below

    def to_json(self, indent: int | None = None) -> str:
        """The result as JSON, as `--json` prints it."""
        return printable_json(self.model_dump_json(by_alias=True, indent=indent))

    def data(self, rows: str | None = None) -> Tidy:
        """The answer as tidy data: one row for each thing, a column for each of its fields.

        Args:
            rows: what a row stands for, where an answer has several kinds of things, such as `steps` or `paths`. An
                error lists them. By default the first.

        Raises:
            InvalidArgumentError: the answer has no such things.
        """
        kinds = self.data_by_rows()
        chosen = next(iter(kinds)) if rows is None else rows
        if chosen not in kinds:
            raise InvalidArgumentError(f"rows cannot be {chosen!r}", fix=f"It must be one of {', '.join(kinds)}.")
        return kinds[chosen]

    def data_by_rows(self) -> dict[str, Tidy]:
        """The tidy data of the answer, by what a row stands for."""
        graph = getattr(self, "graph", None)
        kinds = self._tidy()
        return {rows: data.with_first(graph=graph) for rows, data in kinds.items()} if isinstance(graph, str) else kinds

    def _tidy(self) -> dict[str, Tidy]:
        """The data by what a row stands for: each list of records; or else the answer as one row."""
        lists = _lists_of(type(self))
        found = {json_name: tidy(record, getattr(self, name)) for name, (json_name, record) in lists.items()}
        return found if self._list_field() else {"answer": tidy(type(self), [self]), **found}

    def to_pandas(self, rows: str | None = None) -> pandas.DataFrame:
        """The answer as a pandas.DataFrame of tidy data, as `--csv` prints it.

        Args:
            rows: what a row stands for, see `data`.

        Raises:
            InvalidArgumentError: the answer has no such things.
            MissingExtraError: pandas is not installed.
        """
        return self.data(rows).to_pandas()


class GraphResult(Result):
    """A result that has edges."""

    @abstractmethod
    def edges(self) -> Iterator[Edge]:
        """Source, target and weight of every edge of the result; an edge may occur more than once."""

    def to_networkx(self) -> networkx.DiGraph[str]:
        """The edges as a networkx.DiGraph: nodes by key, `weight` on edges, source to target.

        Raises:
            MissingExtraError: networkx is not installed.
        """
        with needs_extra("networkx", "a networkx graph"):
            import networkx
        graph = networkx.DiGraph()
        for source, target, weight in self.edges():
            for node in (source, target):
                graph.add_node(node.key, **node.model_dump(mode="json", exclude={"key"}))
            graph.add_edge(source.key, target.key, weight=weight)
        return graph


@cache
def _lists_of(cls: type[Record]) -> dict[str, tuple[str, type[Record]]]:
    """The fields of a result that are lists of records: name in JSON and type of record of each."""
    found = {name: (field.alias or name, listed(field.annotation)) for name, field in cls.model_fields.items()}
    return {name: (alias, record) for name, (alias, record) in found.items() if record is not None}
