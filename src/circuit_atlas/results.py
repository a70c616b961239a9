"""What every answer can do: print as a table, in a terminal and a notebook, and turn into JSON, pandas, networkx."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from circuit_atlas.errors import MissingExtraError
from circuit_atlas.schema.models import Node, Record

if TYPE_CHECKING:
    import networkx
    import pandas

Cells = list[list[Any]]
Edge = tuple[Node, Node, float]


class Result(Record):
    """Base of all answers."""

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, but for an answer that tells of failures."""
        return 0

    @abstractmethod
    def table(self) -> tuple[list[str], Cells]:
        """Column heads and rows of the answer as a table."""

    def __str__(self) -> str:
        heads, cells = self.table()
        if not any(heads):
            return tabulate(cells, tablefmt="plain", disable_numparse=True)
        return tabulate(cells, heads, tablefmt="simple", floatfmt=".4g", disable_numparse=_texts(cells))

    def _repr_html_(self) -> str:
        heads, cells = self.table()
        return str(tabulate(cells, heads, tablefmt="html", floatfmt=".4g"))

    def to_json(self, indent: int | None = None) -> str:
        """The answer as JSON, as `--json` prints it; `docs/json.md` has its schema."""
        return self.model_dump_json(by_alias=True, indent=indent)

    def to_pandas(self) -> pandas.DataFrame:
        """The table of the answer as a pandas.DataFrame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise _missing("pandas") from error
        heads, cells = self.table()
        return pandas.DataFrame(cells, columns=heads)


class GraphResult(Result):
    """An answer that holds edges."""

    @abstractmethod
    def edges(self) -> Iterator[Edge]:
        """Source, target and weight of every edge of the answer; an edge may come more than once."""

    def to_networkx(self) -> networkx.DiGraph[str]:
        """The answer's edges as a networkx.DiGraph: nodes by key, `weight` on edges, source to target.

        Raises:
            MissingExtraError: networkx is not installed.
        """
        try:
            import networkx
        except ImportError as error:
            raise _missing("networkx") from error
        graph = networkx.DiGraph()
        for source, target, weight in self.edges():
            for node in (source, target):
                graph.add_node(node.key, **node.model_dump(mode="json", exclude={"key"}))
            graph.add_edge(source.key, target.key, weight=weight)
        return graph


def _texts(cells: Cells) -> list[int]:
    """Columns that hold text: a token "007" stays as it is."""
    width = len(cells[0]) if cells else 0
    return [i for i in range(width) if any(isinstance(row[i], str) for row in cells)]


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(f"{package} is not installed", fix=f"pip install 'circuit-atlas[{package}]'")
