"""Answers of this package."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results import Cells, Result
from circuit_atlas.schema.models import Node, Record


class SkippedSourceSet(Record):
    """Transcoders that Neuronpedia cannot be asked about."""

    model: str
    source_set: str
    graphs: list[str] = Field(description="The graphs whose features are left out")


class ExplainResult(Result):
    """What Neuronpedia had to say."""

    asked: int = Field(description="Features that Neuronpedia was asked for, and answered")
    explained: int = Field(description="Those that it has explanations of")
    unexplained: int = Field(description="Those that it has none of, or does not know")
    failed: int = Field(description="Features whose answer could not be had or read; they are asked for next time")
    skipped: list[SkippedSourceSet] = Field(description="Transcoders whose name on Neuronpedia is not known")

    @property
    def exit_code(self) -> int:
        """1 when an answer could not be had or read."""
        return int(self.failed > 0)

    def table(self) -> tuple[list[str], Cells]:
        """One row."""
        numbers = (self.asked, self.explained, self.unexplained, self.failed)
        return ["asked", "explained", "unexplained", "failed"], [[f"{number:,}" for number in numbers]]


class ImportResult(Result):
    """What was in files of explanations."""

    explanations: int = Field(description="Explanations in the files")
    stored: int = Field(description="Those of them that are about features which the store holds")
    features: int = Field(description="These features")
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
    """A feature after it was labelled."""

    graph: str
    node: Node
    model: str
    source_set: str
    explanation: str | None = Field(description="What the feature is called now, in every graph; null for nothing")
    source: str | None = Field(description="Where that comes from: `hand` for a label")
    renamed: int = Field(description="Nodes, of all graphs, that have another name now")

    def table(self) -> tuple[list[str], Cells]:
        """A row per property."""
        return ["", ""], [
            ["node", self.node.key],
            ["transcoder", f"{self.model} / {self.source_set}"],
            ["explanation", self.explanation or ""],
            ["source", self.source or ""],
            ["renamed", self.renamed],
        ]
