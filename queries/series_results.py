"""Result types of series: the same question in graphs that follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from circuit_atlas.queries.feature_results import FeatureIdentity, placed_name
from circuit_atlas.queries.path_results import Path
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.models import Record

_SHOWN = 16  # characters of an explanation above a column


class SeriesStep(Record):
    """A graph of a series."""

    graph: str
    position: int = Field(description="The last position of its prompt")
    token: str | None = Field(description="The token there; null if the tokens are not known")
    target: str | None = Field(description="The name of its most probable logit; null if it has none")
    probability: float | None
    path: Path | None = Field(None, description="Its best path through the nodes asked for; null if it has none")


class SeriesLine(Record):
    """Something that each graph of a series has a value for."""

    measure: str = Field(description="`influence` of a feature or circuit, `replacement`, `completeness`, or a score")
    name: str
    feature: FeatureIdentity | None = Field(None, description="The transcoder feature; null for a path or circuit")
    values: list[float | None] = Field(
        description="One for each graph; null where it is not active, or has no path or target"
    )


class SeriesValue(Record):
    """The value of a line in a graph, as a row of data."""

    step: int = Field(description="Place of the graph in the series, from 0")
    graph: str
    position: int
    token: str | None
    target: str | None
    probability: float | None
    measure: str
    name: str
    feature: str | None = Field(description="`layer/index`; null for a path or circuit")
    value: float | None


class Series(Result):
    """How features, a path or a circuit move along a series of graphs."""

    _list: ClassVar[str | None] = "lines"

    steps: list[SeriesStep] = Field(description="The graphs, in order")
    lines: list[SeriesLine] = Field(description="What was asked for, or the features that change most")
    chosen: bool = Field(description="Whether the lines are the features that change most, and not what was asked for")
    measured_on: str | None = Field(
        None, description="The logits that influence, paths and scores are of, as asked for; null for all of each graph"
    )

    def table(self) -> tuple[list[str], Cells]:
        """A row per graph, a column per line."""
        headers = [
            "graph",
            "token",
            "answer",
            "probability",
            *(line.measure if line.feature is None else placed_name(line.feature, _SHOWN) for line in self.lines),
        ]
        return headers, [
            [step.graph, step.token, step.target, step.probability, *(line.values[i] for line in self.lines)]
            for i, step in enumerate(self.steps)
        ]

    @property
    def heading(self) -> str:
        """How many graphs, and what is shown."""
        graphs = "1 graph" if len(self.steps) == 1 else f"{len(self.steps):,} graphs"
        graphs += f" (target {self.measured_on})" if self.measured_on else ""
        features = "feature" if len(self.lines) == 1 else f"{len(self.lines)} features"
        if not self.lines:
            return graphs
        if self.chosen:
            return f"{graphs}: influence of the {features} for which it changes most"
        others = list(dict.fromkeys(line.name for line in self.lines if not line.feature))
        return f"{graphs}: {', '.join([*others, *(['influence of features'] * any(self._features))])}"

    @property
    def _features(self) -> list[FeatureIdentity]:
        return [line.feature for line in self.lines if line.feature]

    def _tidy(self) -> dict[str, Tidy]:
        return {"values": tidy(SeriesValue, self._values())}

    def _values(self) -> Iterator[SeriesValue]:
        for line in self.lines:
            place = line.feature.place if line.feature else None
            for number, (step, value) in enumerate(zip(self.steps, line.values, strict=True)):
                graph = step.model_dump(exclude={"path"})
                yield SeriesValue(
                    step=number, measure=line.measure, name=line.name, feature=place, value=value, **graph
                )
