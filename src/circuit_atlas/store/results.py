"""Results of verifying stored graphs."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results import Cells, Result
from circuit_atlas.schema.models import Record


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


class Verifications(Result):
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
