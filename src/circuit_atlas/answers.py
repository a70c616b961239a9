"""What every answer can do: print as a table, in a terminal and a notebook, and turn into JSON, pandas, networkx."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tabulate import tabulate

from circuit_atlas.errors import MissingExtraError
from circuit_atlas.schema.models import Node, Record

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
            import pandas
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
            import networkx
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


class ExportResult(Answer):
    """What was written."""

    file: str
    nodes: int
    edges: int

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["file", "nodes", "edges"], [[self.file, f"{self.nodes:,}", f"{self.edges:,}"]]


class ViewResult(Answer):
    """A picture or page that was written."""

    file: str
    graph: str
    nodes: int = Field(description="Nodes that it shows")
    edges: int = Field(description="Direct effects that it shows")
    notes: list[str] = Field(description="What was left out")

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["file", "nodes", "edges"], [[self.file, f"{self.nodes:,}", f"{self.edges:,}"]]


class ReportResult(Answer):
    """A report that was written."""

    files: list[str] = Field(description="The report, and the picture beside it, if there is one")
    notes: list[str] = Field(description="What was left out")

    def table(self) -> tuple[list[str], Cells]:
        """A row per file."""
        return ["file"], [[file] for file in self.files]


class Verification(Record):
    """Whether a stored graph is what it should be."""

    graph: str
    nodes: int = Field(description="Nodes found in the database")
    edges: int = Field(description="Direct effects found in the database")
    weights: float = Field(description="Sum of all weights")
    content_hash: str | None = Field(description="Of what was found; null when no graph could be made of it")
    expected_hash: str = Field(description="Of the file, or of what was ingested")
    compared_with: str = Field(description="`ingest`, or the file")
    problems: list[str] = Field(description="What is not as it should be; empty when all is well")


class Verifications(Answer):
    """Whether stored graphs are what they should be."""

    graphs: list[Verification]
    damaged: int = Field(description="How many of them are not")

    @property
    def exit_code(self) -> int:
        """1 when a graph is not what it should be."""
        return int(self.damaged > 0)

    def table(self) -> tuple[list[str], Cells]:
        """A row per graph."""
        rows: Cells = [
            [
                found.graph,
                f"{found.nodes:,}",
                f"{found.edges:,}",
                f"{found.weights:.9g}",
                found.compared_with,
                "\n".join(found.problems) or "complete, every weight as it was",
            ]
            for found in self.graphs
        ]
        return ["graph", "nodes", "edges", "sum of weights", "compared with", ""], rows


def _texts(cells: Cells) -> list[int]:
    """Columns that hold text: a token "007" stays as it is."""
    width = len(cells[0]) if cells else 0
    return [i for i in range(width) if any(isinstance(row[i], str) for row in cells)]


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(f"{package} is not installed", fix=f"pip install 'circuit-atlas[{package}]'")
