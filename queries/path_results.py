"""Result types of queries about paths and influence."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from circuit_atlas.printable import printable
from circuit_atlas.results import Cells, Edge, GraphResult, Result
from circuit_atlas.schema.models import Node, Record


class Path(Record):
    """A path, from source to target."""

    score: float
    hops: int = Field(description="Number of edges")
    nodes: list[Node] = Field(description="hops + 1 nodes, source first")
    weights: list[float] = Field(description="Weight of each edge, in the same order")

    @property
    def promotes(self) -> bool:
        """Whether more of the source means more of the target: an even number of weights is negative."""
        return sum(weight < 0 for weight in self.weights) % 2 == 0

    def __str__(self) -> str:
        steps = [
            f" --({weight:.3g})--> {node.title}" for node, weight in zip(self.nodes[1:], self.weights, strict=True)
        ]
        return printable(self.nodes[0].title + "".join(steps))


class Paths(GraphResult):
    """Paths with their scores, best first."""

    graph: str
    score: str = Field(description="`mean` or `sum` of weights, `bottleneck` or `product` of normalised weights")
    sign: str = Field("any", description="Which paths were asked for: `promoting`, `inhibiting` or `any`")
    paths: list[Path]

    @property
    def description(self) -> str:
        """What the paths are, for instance `top 10 promoting paths by product`."""
        which = "" if self.sign == "any" else f"{self.sign} "
        return f"top {len(self.paths)} {which}paths by {self.score}"

    def table(self) -> tuple[list[str], Cells]:
        """A row per path."""
        return ["score", "hops", "path"], [[path.score, path.hops, str(path)] for path in self.paths]

    def edges(self) -> Iterator[Edge]:
        """The direct effects on the paths."""
        for path in self.paths:
            yield from zip(path.nodes, path.nodes[1:], path.weights, strict=False)


class Contributor(Record):
    """A node and its influence."""

    node: Node
    influence: float = Field(description="Share of the logits that flows through it, over all paths")
    cumulative_share: float = Field(
        description="Share of the influence of all nodes asked for that this node and the stronger ones have"
    )


class Contributors(Result):
    """The nodes through which most of the logits flows."""

    graph: str
    contributors: list[Contributor]

    def table(self) -> tuple[list[str], Cells]:
        """A row per node."""
        return ["influence", "cumulative", "key", "name"], [
            [c.influence, c.cumulative_share, c.node.key, c.node.name] for c in self.contributors
        ]


class InfluenceGroup(Record):
    """A group of nodes."""

    group: str
    nodes: int
    influence: float


class InfluenceGroups(Result):
    """How much of the logits flows through each layer, position, kind or feature."""

    graph: str
    by: str
    groups: list[InfluenceGroup]

    def table(self) -> tuple[list[str], Cells]:
        """A row per group."""
        return [self.by, "nodes", "influence"], [[g.group, g.nodes, g.influence] for g in self.groups]


class InfluenceOfLength(Record):
    """What flows through paths of one length."""

    length: int = Field(description="Number of direct effects of the paths")
    influence: float = Field(description="Share of the logits that flows through these paths")
    cumulative_share: float = Field(
        description="Share of all that flows to the logits which paths of this length or shorter carry"
    )
    by_start: dict[str, float] = Field(description="Kind of node where the paths begin -> their share of `influence`")


class InfluenceByLength(Result):
    """How much of the logits flows through paths of 1, 2, 3, ... direct effects."""

    graph: str
    lengths: list[InfluenceOfLength] = Field(description="Shortest first")

    def table(self) -> tuple[list[str], Cells]:
        """A row per length."""
        kinds = list(dict.fromkeys(kind for row in self.lengths for kind in row.by_start))
        return ["effects", "influence", "cumulative", *(f"from {kind}" for kind in kinds)], [
            [row.length, row.influence, row.cumulative_share, *(row.by_start[kind] for kind in kinds)]
            for row in self.lengths
        ]


class InfluentialEffect(Record):
    """A direct effect and its influence."""

    source: Node
    target: Node
    weight: float
    influence: float = Field(description="Share of the logits that flows through it, over all paths")


class InfluentialEffects(GraphResult):
    """The direct effects through which most of the logits flows."""

    graph: str
    direct_effects: list[InfluentialEffect] = Field(alias="edges")

    def table(self) -> tuple[list[str], Cells]:
        """A row per direct effect."""
        return ["influence", "weight", "source", "", "target", ""], [
            [e.influence, e.weight, e.source.key, e.source.name, e.target.key, e.target.name]
            for e in self.direct_effects
        ]

    def edges(self) -> Iterator[Edge]:
        """The direct effects."""
        yield from ((e.source, e.target, e.weight) for e in self.direct_effects)


class ScoreDistribution(Result):
    """The distribution of the scores of paths."""

    graph: str
    score: str
    paths: int = Field(description="Number of paths, exact")
    scored: int = Field(description="Number of paths that were scored: all, or a uniform sample")
    seed: int | None = Field(description="Seed of the sample; null when all paths were scored")
    mean: float = Field(description="Mean of the scores")
    standard_deviation: float = Field(description="Standard deviation of the scores")
    quantiles: dict[str, float] = Field(
        description="Share of the scored paths -> the score that this share does not exceed"
    )

    def table(self) -> tuple[list[str], Cells]:
        """A row per quantile."""
        rows: Cells = [[f"{float(share):.0%} at most", f"{value:.4g}"] for share, value in self.quantiles.items()]
        drawn = "all" if self.seed is None else f"a uniform sample of {self.scored:,} (seed {self.seed})"
        return ["", "score"], [
            ["paths", f"{self.paths:,}"],
            ["scored", drawn],
            ["mean", f"{self.mean:.4g}"],
            ["deviation", f"{self.standard_deviation:.4g}"],
            *rows,
        ]


class PathCounts(Result):
    """The number of paths."""

    graph: str
    counts: dict[str, int] = Field(description="Number of hops (as text) -> number of paths, exact")
    total: int

    def table(self) -> tuple[list[str], Cells]:
        """A row per number of hops."""
        return ["hops", "paths"], [
            *([h, f"{n:,}"] for h, n in self.counts.items()),
            ["total", f"{self.total:,}"],
        ]
