"""The base of all results: a table in a terminal and a notebook, and JSON, pandas and networkx."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tabulate import tabulate

from circuit_atlas.errors import needs_extra
from circuit_atlas.printable import printable, printable_json
from circuit_atlas.schema.models import Node, Record

if TYPE_CHECKING:
    import networkx
    import pandas

Cells = list[list[Any]]
Edge = tuple[Node, Node, float]


class Result(Record):
    """Base of all results."""

    notes: list[str] = Field(
        [],
        exclude_if=lambda notes: not notes,
        description="What should be known about the answer, such as why it is empty; left out if there is nothing",
    )

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
        headers, rows = self.printable_table()
        above = f"{printable(self.heading)}\n\n" if self.heading else ""
        below = "".join(f"\nNote: {printable(note)}" for note in self.notes)
        if not any(headers):
            return above + tabulate(rows, tablefmt="plain", disable_numparse=True) + below
        table = tabulate(rows, headers, tablefmt="simple", floatfmt=".4g", disable_numparse=_texts(rows))
        return above + table + below

    def _repr_html_(self) -> str:
        headers, rows = self.table()
        above = f"<p>{escape(self.heading)}</p>\n" if self.heading else ""
        below = "".join(f"\n<p>Note: {escape(note)}</p>" for note in self.notes)
        table = str(tabulate(rows, headers, tablefmt="html", floatfmt=".4g", disable_numparse=_texts(rows)))
        return above + table + below

    def to_json(self, indent: int | None = None) -> str:
        """The result as JSON, as `--json` prints it."""
        return printable_json(self.model_dump_json(by_alias=True, indent=indent))

    def to_pandas(self) -> pandas.DataFrame:
        """The table of the result as a pandas.DataFrame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        with needs_extra("pandas", "a data frame"):
            import pandas
        headers, rows = self.table()
        return pandas.DataFrame(rows, columns=headers)


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


def printable_cells(rows: Cells) -> Cells:
    """Rows of a table with control characters of their texts escaped."""
    return [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def _texts(rows: Cells) -> list[int]:
    """Columns of text, which tabulate must not turn into numbers: a token "007"."""
    width = len(rows[0]) if rows else 0
    return [i for i in range(width) if any(isinstance(row[i], str) for row in rows)]
