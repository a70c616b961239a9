"""Results of ingesting files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from circuit_atlas.errors import AtlasError
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.schema.models import Record

_SHOWN = 80  # characters of an error in a table; all of it is on stderr, and in the result


class IngestResult(Result):
    """Result of ingesting one graph."""

    graph: str = Field(description="The graph's name in the database")
    status: str = Field(description="`ingested`, `replaced`, or `unchanged` when the same content was already stored")
    nodes: int
    edges: int
    zero_links: int = Field(description="Links of weight 0 in the file, which are not stored")
    warnings: list[str] = Field(
        description="Problems that did not stop the reader, and other graphs with the same content"
    )
    circuit: str | None = Field(
        default=None, description="Name of the circuit of the nodes that an address pins; null without pins"
    )

    @classmethod
    def unchanged(cls, name: str, stored: Mapping[str, Any]) -> IngestResult:
        """The result for a graph that is stored already, with these properties."""
        same = {field: stored[field] for field in ("nodes", "edges", "zero_links")}
        return cls(graph=name, status="unchanged", warnings=stored.get("warnings", []), **same)

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["graph", "", "nodes", "edges"], [[self.graph, self.status, self.nodes, self.edges]]


class FileResult(Record):
    """Result of ingesting one file of several."""

    file: str = Field(description="The file, or the address")
    result: IngestResult | None = Field(description="Null when it failed")
    error: str | None = Field(description="What was wrong")

    @classmethod
    def failed(cls, file: str, error: AtlasError) -> FileResult:
        """The result of a file that could not be stored."""
        return cls(file=file, result=None, error=str(error))


class IngestResults(Result):
    """Result of ingesting several files."""

    files: list[FileResult]
    failed: int = Field(description="How many of them could not be stored")

    @classmethod
    def of(cls, files: list[FileResult]) -> IngestResults:
        """The results of files, the failed ones counted."""
        return cls(files=files, failed=sum(file.error is not None for file in files))

    @property
    def exit_code(self) -> int:
        """1 when a file failed."""
        return int(self.failed > 0)

    def _why_empty(self) -> str:
        return ""

    def table(self) -> tuple[list[str], Cells]:
        """A row per file; failures last."""
        rows: Cells = [
            [file.file, file.result.graph, file.result.status, f"{file.result.nodes:,}", f"{file.result.edges:,}"]
            for file in self.files
            if file.result
        ]
        failures = [
            [file.file, "", f"failed: {textwrap.shorten(file.error.removeprefix(f'{file.file}: '), _SHOWN)}", "", ""]
            for file in self.files
            if file.error
        ]
        return ["file", "graph", "", "nodes", "edges"], rows + failures
