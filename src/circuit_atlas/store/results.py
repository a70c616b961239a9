"""Results of verifying stored graphs."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.schema.models import Record


class Verification(Record):
    """Whether a stored graph is complete and correct."""

    graph: str
    nodes: int = Field(description="Nodes found in the database")
    edges: int = Field(description="Direct effects found in the database")
    weights: float = Field(description="Sum of all weights")
    content_hash: str | None = Field(description="Hash of the stored graph; null if it cannot be read")
    expected_hash: str = Field(description="Hash of the file, or of the graph as it was ingested")
    compared_with: str = Field(description="`ingest`, or the file")
    problems: list[str] = Field(description="Differences; empty if there are none")
    repaired: list[str] = Field([], description="What was computed and stored again, and was wrong before")


class Verifications(Result):
    """Whether stored graphs are complete and correct."""

    graphs: list[Verification]
    damaged: int = Field(description="Number of graphs with differences")

    @property
    def exit_code(self) -> int:
        """1 if a graph has differences."""
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
                "\n".join([*found.problems, *(f"repaired: {what}" for what in found.repaired)])
                or "complete, every weight equal",
            ]
            for found in self.graphs
        ]
        return ["graph", "nodes", "edges", "sum of weights", "compared with", ""], rows
