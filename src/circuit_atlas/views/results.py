"""Results of writing pictures and reports."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells


class ViewResult(Result):
    """A picture or page that was written."""

    file: str
    graph: str
    nodes: int = Field(description="Nodes that it shows")
    edges: int = Field(description="Direct effects that it shows")
    notes: list[str] = Field(description="What was left out")

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["file", "nodes", "edges"], [[self.file, f"{self.nodes:,}", f"{self.edges:,}"]]


class ReportResult(Result):
    """A report that was written."""

    files: list[str] = Field(description="The report, and the picture beside it, if there is one")
    notes: list[str] = Field(description="What was left out")

    def table(self) -> tuple[list[str], Cells]:
        """A row per file."""
        return ["file"], [[file] for file in self.files]
