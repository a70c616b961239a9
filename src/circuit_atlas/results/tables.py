"""Contents of tables of answers: texts and numbers, and names that lead to pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol, runtime_checkable

from circuit_atlas.printable import printable
from circuit_atlas.schema.models import Node
from circuit_atlas.schema.source_sets import SourceSets

Cells = list[list[Any]]


@runtime_checkable
class Cell(Protocol):
    """Content of a table's cell that is more than a number or a text: `str` gives the text for a terminal."""

    def html(self, sets: SourceSets | None) -> str:
        """The cell in a notebook's table or in a report."""


class NodeName(str):
    """The name of a node in a table: in HTML, that of a feature leads to its page on Neuronpedia."""

    node: Node

    @classmethod
    def of(cls, node: Node, text: str | None = None) -> NodeName:
        """The name of a node, or another text for it."""
        made = cls(node.name if text is None else text)
        made.node = node
        return made

    def html(self, sets: SourceSets | None) -> str:
        """The name as HTML."""
        return linked(self, sets and sets.page(self.node))


class LinkedText(str):
    """A text in a table that leads to a page in HTML."""

    address: str | None

    @classmethod
    def to(cls, text: str, address: str | None) -> LinkedText:
        """A text, and the address of the page that it leads to, if there is one."""
        made = cls(text)
        made.address = address
        return made

    def html(self, sets: SourceSets | None) -> str:
        """The text as HTML."""
        return linked(self, self.address)


def linked(text: str, address: str | None) -> str:
    """A text as HTML: a link, if it has an address."""
    shown = escape(printable(text))
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{shown}</a>' if address else shown


def cell_html(cell: Any, sets: SourceSets | None) -> str:
    """A cell of a table as HTML."""
    if isinstance(cell, Cell):
        return cell.html(sets)
    return f"{cell:.4g}" if isinstance(cell, float) else escape("" if cell is None else printable(str(cell)))


def shown_number(value: float | None) -> str:
    """A number in four digits, or `unknown`."""
    return "unknown" if value is None else f"{value:.4g}"


def with_interval(mean: float | None, low: float | None, high: float | None, float_format: str = ".4g") -> str:
    """A mean with the ends of its interval, if it has one."""
    if mean is None:
        return ""
    interval = "" if low is None or high is None else f" [{low:{float_format}}, {high:{float_format}}]"
    return f"{mean:{float_format}}{interval}"


def printable_cells(rows: Cells) -> Cells:
    """Rows of a table with control characters of their texts escaped."""
    return [[printable(str(cell)) if is_text(cell) else cell for cell in row] for row in rows]


def is_text(cell: object) -> bool:
    return isinstance(cell, str | Cell)


def alignment(column: Sequence[object]) -> str:
    """Numbers are aligned at the right."""
    return "left" if any(map(is_text, column)) else "right"


def text_columns(rows: Cells) -> list[int]:
    """Columns of text, which tabulate must not turn into numbers: a token "007"."""
    width = len(rows[0]) if rows else 0
    return [i for i in range(width) if any(is_text(row[i]) for row in rows)]
