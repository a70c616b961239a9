"""Result of an export."""

from __future__ import annotations

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells


class ExportResult(Result):
    """A file that was written, and its size."""

    file: str
    nodes: int
    edges: int

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        return ["file", "nodes", "edges"], [[self.file, f"{self.nodes:,}", f"{self.edges:,}"]]
