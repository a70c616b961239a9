"""Result types of questions about what is over-represented in a set of graphs against a baseline."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.queries.feature_results import FeatureIdentity, feature_name
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, LinkedText, with_interval
from circuit_atlas.schema.models import Record


class Enriched(Record):
    """How over-represented something is; `circuit_atlas.graph.enrichment` says what the numbers mean."""

    graphs: int = Field(description="Number of graphs of the set that have it")
    baseline: int = Field(description="Number of graphs of the baseline that have it")
    rate: float = Field(description="Share of the graphs of the set that have it")
    baseline_rate: float = Field(description="Share of the graphs of the baseline that have it")
    log_odds: float = Field(description="Natural logarithm of the odds ratio")
    log_odds_low: float = Field(description="Lower end of its confidence interval")
    log_odds_high: float = Field(description="Upper end of its confidence interval")
    p_value: float = Field(description="Of Fisher's exact test, one-sided")
    q_value: float = Field(description="The p-value corrected for the number of things worth a test; 1 for others")


class EnrichedFeature(Enriched):
    """A transcoder feature that is active in more graphs of the set than of the baseline."""

    feature: FeatureIdentity
    influence: float = Field(description="Mean over the graphs of the set of its influence, 0 where it is not active")
    influence_low: float | None = Field(description="Lower end of its interval; null for fewer than three graphs")
    influence_high: float | None = Field(description="Upper end of it")


class AlignedEnd(Record):
    """The source or target of a direct effect that several graphs have."""

    identity: str = Field(description="What it is aligned by: the key without the position; `logit:target` or the like")
    name: str = Field(description="The explanation of a feature, else the identity without its kind")


class EnrichedEdge(Enriched):
    """A direct effect that more graphs of the set have than of the baseline."""

    source: AlignedEnd
    target: AlignedEnd
    weight: float = Field(description="Mean weight over the graphs of the set that have it")
    weight_low: float | None = Field(description="Lower end of its interval; null for fewer than three such graphs")
    weight_high: float | None = Field(description="Upper end of it")


class EnrichedAnswer(Result):
    """The features, effects or motifs that are over-represented in a set of graphs against a baseline."""

    graphs: list[str] = Field(description="The graphs of the set")
    baseline: list[str] = Field(description="The graphs of the baseline")
    confidence: float = Field(description="Of the intervals")
    tested: int = Field(description="Number of things that any of the graphs has (of motifs: of those worth a test)")
    total: int = Field(description="Number of things that are over-represented, whatever k is")

    def _cells(self, found: Enriched) -> list[object]:
        return [
            f"{found.graphs} of {len(self.graphs)}",
            f"{found.baseline} of {len(self.baseline)}",
            f"{found.log_odds:.2f} [{found.log_odds_low:.2f}, {found.log_odds_high:.2f}]",
            found.p_value,
            found.q_value,
        ]

    @property
    def _columns(self) -> list[str]:
        return ["graphs", "baseline", f"log odds {self._level}", "p", "q"]

    @property
    def _level(self) -> str:
        return f"[{100 * self.confidence:g}%]"

    def _told(self, what: str) -> str:
        shown = f", the first {len(self)}:" if len(self) < self.total else ""
        return f"{self.total:,} of {self.tested:,} {what} are over-represented{shown}"


class EnrichedFeatures(EnrichedAnswer):
    """The transcoder features that are over-represented in a set of graphs against a baseline."""

    features: list[EnrichedFeature] = Field(description="The smallest p-value first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per feature."""
        return ["feature", "name", *self._columns, f"mean influence {self._level}"], [
            [
                found.feature.place,
                LinkedText.to(feature_name(found.feature), found.feature.page),
                *self._cells(found),
                with_interval(found.influence, found.influence_low, found.influence_high),
            ]
            for found in self.features
        ]

    @property
    def heading(self) -> str:
        """How many features are over-represented, and how many of them are shown."""
        return self._told("features")


class EnrichedEdges(EnrichedAnswer):
    """The direct effects that are over-represented in a set of graphs against a baseline."""

    align: str = Field(description="How nodes are aligned, see `compare`")
    edges: list[EnrichedEdge] = Field(description="The smallest p-value first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per direct effect."""
        return ["source", "", "target", "", f"mean weight {self._level}", *self._columns], [
            [
                found.source.identity,
                found.source.name,
                found.target.identity,
                found.target.name,
                with_interval(found.weight, found.weight_low, found.weight_high),
                *self._cells(found),
            ]
            for found in self.edges
        ]

    @property
    def heading(self) -> str:
        """How many direct effects are over-represented, and how many of them are shown."""
        return self._told("direct effects")
