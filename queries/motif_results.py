"""Result types of questions about motifs: signed shapes of three nodes."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from circuit_atlas.queries.enriched_results import AlignedEnd, Enriched, EnrichedAnswer
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.schema.models import Record


def drawn(shape: str, nodes: Sequence[str], effects: Sequence[str]) -> str:
    """A shape as text: its nodes, and what is said of its effects, in the order of `circuit_atlas.graph.motifs`."""
    a, b, c = nodes
    first, second, *across = (f"({text})" for text in effects)
    if shape == "fan-in":
        return f"{a} --{first}--> {c} <--{second}-- {b}"
    if shape == "fan-out":
        return f"{b} <--{first}-- {a} --{second}--> {c}"
    return f"{a} --{first}--> {b} --{second}--> {c}" + "".join(f", {a} --{text}--> {c}" for text in across)


class _Counted(Record):
    """How often a signed shape occurs, and how often in random graphs; see `circuit_atlas.graph.motifs`."""

    shape: str = Field(description="`chain`, `fan-in`, `fan-out` or `triangle`")
    signs: str = Field(
        description="Signs of its effects: of A on B and B on C (chain); A on C and B on C (fan-in); A on B and A on C "
        "(fan-out); A on B, B on C and A on C (triangle)"
    )
    count: int = Field(description="How often it occurs")
    random_mean: float = Field(description="How often it occurs in random graphs: mean")
    random_sd: float = Field(description="How often it occurs in random graphs: standard deviation")
    z: float | None = Field(description="How many standard deviations the count is above the mean; null if all are one")
    p_value: float = Field(
        description="Two-sided, from the ranks of the count among the random graphs; of this shape alone"
    )


class MotifCount(_Counted):
    """A signed shape in all graphs together."""

    graphs_above: int = Field(description="Number of graphs that have more than the mean of their own random graphs")


class GraphMotifCount(_Counted):
    """A signed shape in one graph."""

    graph: str


class Motifs(Result):
    """How often graphs have each signed shape of three nodes, against random graphs."""

    graphs: list[str] = Field(description="The graphs whose counts are added up")
    effects: int = Field(description="Number of effects that were counted, in all graphs")
    left_out: int = Field(description="Number of effects that were left out because they are weak")
    random: int = Field(description="Number of random graphs of each graph")
    seed: int = Field(description="Of the random graphs")
    shapes: list[MotifCount] = Field(description="In all graphs together")
    by_graph: list[GraphMotifCount] = Field(description="In each graph")

    def table(self) -> tuple[list[str], Cells]:
        """A row per signed shape."""
        several = len(self.graphs) > 1
        rows: Cells = [
            [
                one.shape,
                drawn(one.shape, "ABC", one.signs),
                one.count,
                f"{one.random_mean:.1f}",
                f"{one.random_sd:.1f}",
                "" if one.z is None else f"{one.z:.2f}",
                f"{one.p_value:.3f}",
                *([f"{one.graphs_above} of {len(self.graphs)}"] if several else []),
            ]
            for one in self.shapes
        ]
        return ["shape", "effects", "count", "random", "sd", "z", "p", *(["above in"] if several else [])], rows

    @property
    def heading(self) -> str:
        """The effects among which motifs were counted, their graphs, and the random graphs for comparison."""
        weak = f" ({self.left_out:,} weak ones left out)" if self.left_out else ""
        of = self.graphs[0] if len(self.graphs) == 1 else f"{len(self.graphs):,} graphs"
        return f"{self.effects:,} effects of {of}{weak}, against {self.random:,} random graphs (seed {self.seed})"


class _Concrete(Record):
    """Three nodes that several graphs have, with effects between them; A, B and C as the shape has them."""

    a: AlignedEnd
    b: AlignedEnd
    c: AlignedEnd
    signs: str = Field(description="Signs of its effects, as in the answer of `motifs`")
    first: float = Field(description="Mean weight of the effect that has the first sign, over all graphs that have it")
    second: float = Field(description="The same for the second sign")
    across: float | None = Field(description="The same for the third sign, in a triangle; else null")
    example: str = Field(description="One of the graphs that have it")

    def drawn(self, shape: str) -> str:
        """It as text."""
        weights = [self.first, self.second, *([] if self.across is None else [self.across])]
        return drawn(shape, [_shown(end) for end in (self.a, self.b, self.c)], [f"{weight:.3g}" for weight in weights])


class RecurringMotif(_Concrete):
    """A motif that many graphs have."""

    graphs: int = Field(description="Number of graphs that have it")
    expected: float = Field(
        description="Number of graphs to expect by chance, if each of its effects were in as many random graphs"
    )
    z: float | None = Field(
        description="By how many standard deviations `graphs` exceeds `expected`; null if chance allows only one number"
    )
    p_value: float = Field(description="The chance that so many graphs, or more, have it; of this motif alone")


class RecurringMotifs(Result):
    """The motifs of a shape that most graphs of a set have."""

    graphs: list[str] = Field(description="The graphs of the set")
    shape: str = Field(description="`chain`, `fan-in`, `fan-out` or `triangle`")
    align: str = Field(description="How nodes are aligned, see `compare`")
    total: int = Field(description="Number of such motifs, whatever k is")
    motifs: list[RecurringMotif] = Field(description="Those in most graphs first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per motif."""
        return ["graphs", "by chance", "z", self.shape], [
            [
                f"{found.graphs} of {len(self.graphs)}",
                f"{found.expected:.1f}",
                "" if found.z is None else f"{found.z:.2f}",
                found.drawn(self.shape),
            ]
            for found in self.motifs
        ]

    @property
    def heading(self) -> str:
        """How many motifs recur, and how many of them are shown."""
        shown = f", the first {len(self)}:" if len(self) < self.total else ""
        recur = "1 motif recurs" if self.total == 1 else f"{self.total:,} motifs recur"
        return f"{recur} (shape {self.shape}){shown}"


class EnrichedMotif(Enriched, _Concrete):
    """A motif that more graphs of the set have than of the baseline."""


class EnrichedMotifs(EnrichedAnswer):
    """The motifs of a shape that are over-represented in a set of graphs against a baseline."""

    shape: str = Field(description="`chain`, `fan-in`, `fan-out` or `triangle`")
    align: str = Field(description="How nodes are aligned, see `compare`")
    motifs: list[EnrichedMotif] = Field(description="The smallest p-value first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per motif."""
        return [self.shape, *self._columns], [[found.drawn(self.shape), *self._cells(found)] for found in self.motifs]

    @property
    def heading(self) -> str:
        """How many motifs are over-represented, and how many of them are shown."""
        return self._told("motifs")


def _shown(end: AlignedEnd) -> str:
    """A feature's explanation and place, or else the name."""
    place = end.identity.removeprefix("feature:")
    return end.name if place in (end.identity, end.name) or end.name.endswith(place) else f"{end.name} ({place})"
