"""What every answer can do: print as a table, in a terminal and a notebook, and turn into JSON, pandas, networkx."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from circuit_atlas.errors import MissingExtraError
from circuit_atlas.schema.models import Node, Record
from pydantic import Field
from tabulate import tabulate

if TYPE_CHECKING:
    import networkx
    import pandas

Cells = list[list[Any]]
Edge = tuple[Node, Node, float]


class Answer(Record):
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
            import pandas  # noqa: PLC0415
        except ImportError as error:
            raise _missing("pandas") from error
        heads, cells = self.table()
        return pandas.DataFrame(cells, columns=heads)


class GraphAnswer(Answer):
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
            import networkx  # noqa: PLC0415
        except ImportError as error:
            raise _missing("networkx") from error
        graph = networkx.DiGraph()
        for source, target, weight in self.edges():
            for node in (source, target):
                graph.add_node(node.key, **node.model_dump(mode="json", exclude={"key"}))
            graph.add_edge(source.key, target.key, weight=weight)
        return graph


class IngestResult(Answer):
    """What became of a file."""

    graph: str = Field(description="The graph's name in the database")
    status: str = Field(description="`ingested`, `replaced`, or `unchanged` when the same content was there")
    nodes: int
    edges: int
    zero_links: int = Field(description="Links of weight 0 in the file, which are not stored")
    warnings: list[str] = Field(description="What the reader noticed and kept going")

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["graph", "", "nodes", "edges"], [[self.graph, self.status, self.nodes, self.edges]]


class FileResult(Record):
    """One file of several."""

    file: str
    result: IngestResult | None = Field(description="Null when it failed")
    error: str | None = Field(description="What was wrong")


class IngestResults(Answer):
    """What became of several files."""

    files: list[FileResult]
    failed: int = Field(description="How many of them could not be stored")

    @property
    def exit_code(self) -> int:
        """1 when a file failed."""
        return int(self.failed > 0)

    def table(self) -> tuple[list[str], Cells]:
        """A row per file; failures last."""
        rows: Cells = [
            [file.file, file.result.graph, file.result.status, f"{file.result.nodes:,}", f"{file.result.edges:,}"]
            for file in self.files
            if file.result
        ]
        failures = [
            [file.file, "", f"failed: {(file.error or '').splitlines()[0]}", "", ""]
            for file in self.files
            if file.error
        ]
        return ["file", "graph", "", "nodes", "edges"], rows + failures


def _texts(cells: Cells) -> list[int]:
    """Columns that hold text: a token "007" stays as it is."""
    width = len(cells[0]) if cells else 0
    return [i for i in range(width) if any(isinstance(row[i], str) for row in cells)]


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(f"{package} is not installed", fix=f"pip install 'circuit-atlas[{package}]'")
