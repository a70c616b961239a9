"""Results of explaining, importing and labelling."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.schema.models import Node, Record


class SkippedSourceSet(Record):
    """Transcoders whose name on Neuronpedia is not known."""

    model: str
    source_set: str
    graphs: list[str] = Field(description="The graphs whose features are left out")


class ExplainResult(Result):
    """Result of fetching explanations from Neuronpedia."""

    asked: int = Field(description="Features for which Neuronpedia gave an answer")
    explained: int = Field(description="Those that it has explanations of")
    unexplained: int = Field(description="Those that it does not explain, or does not know")
    failed: int = Field(description="Features whose response could not be had or read; the next call asks again")
    skipped: list[SkippedSourceSet] = Field(description="Transcoders whose name on Neuronpedia is not known")

    @property
    def exit_code(self) -> int:
        """1 when a response could not be had or read."""
        return int(self.failed > 0)

    def _why_empty(self) -> str:
        return ""

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        numbers = (self.asked, self.explained, self.unexplained, self.failed)
        return ["asked", "explained", "unexplained", "failed"], [[f"{number:,}" for number in numbers]]


class ImportResult(Result):
    """Result of importing files of explanations."""

    explanations: int = Field(description="Explanations in the files")
    stored: int = Field(description="Explanations stored: those of features that the database has")
    features: int = Field(description="Features that they are about")
    malformed: int = Field(description="Lines that could not be read")

    @property
    def exit_code(self) -> int:
        """1 when a line could not be read."""
        return int(self.malformed > 0)

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        numbers = (self.explanations, self.stored, self.features, self.malformed)
        return ["explanations", "stored", "features", "malformed"], [[f"{number:,}" for number in numbers]]


class Label(Result):
    """A feature after it was labelled, or its label was removed."""

    graph: str
    node: Node
    model: str
    source_set: str
    explanation: str | None = Field(description="What the feature is called now, in every graph; null for nothing")
    source: str | None = Field(description="Where that comes from: `hand` for a label")
    renamed: int = Field(description="Number of nodes, of all graphs, whose name has changed")

    def table(self) -> tuple[list[str], Cells]:
        """A row per property."""
        return ["", ""], [
            ["node", self.node.key],
            ["transcoder", f"{self.model} / {self.source_set}"],
            ["explanation", self.explanation or ""],
            ["source", self.source or ""],
            ["renamed", self.renamed],
        ]
