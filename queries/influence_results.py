"""Result types of queries about influence."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from circuit_atlas.queries.contrast_results import ContrastResult
from circuit_atlas.results.answer import Edge, GraphResult
from circuit_atlas.results.tables import Cells, NodeName
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.keys import Kind, parse_key
from circuit_atlas.schema.models import INFLUENCE, Node, Record

_NO_INFLUENCE = "Nothing that was asked for has influence on the targets."


class Contributor(Record):
    """A node and its influence."""

    node: Node
    influence: float = Field(description=INFLUENCE)
    cumulative_share: float = Field(
        description="Share of the influence of all nodes asked for that this node and the stronger ones have"
    )


class Contributors(ContrastResult):
    """The nodes through which most of the logits flows."""

    graph: str
    contributors: list[Contributor]

    def ranks(self) -> list[float]:
        """By influence."""
        return [-contributor.influence for contributor in self.contributors]

    def _why_empty(self) -> str:
        return _NO_INFLUENCE

    def table(self) -> tuple[list[str], Cells]:
        """A row per node."""
        return ["influence", "cumulative", "key", "name"], [
            [c.influence, c.cumulative_share, c.node.key, NodeName.of(c.node)] for c in self.contributors
        ]


class InfluenceGroup(Record):
    """A group of nodes."""

    group: str
    nodes: int
    influence: float


class InfluenceGroups(ContrastResult):
    """How much of the logits flows through each layer, position, kind or feature."""

    graph: str
    by: str
    groups: list[InfluenceGroup]

    def _why_empty(self) -> str:
        return _NO_INFLUENCE

    def table(self) -> tuple[list[str], Cells]:
        """A row per group."""
        return [self.by, "nodes", "influence"], [[self._shown(g.group), g.nodes, g.influence] for g in self.groups]

    def _shown(self, group: str) -> str:
        """A feature leads to its page."""
        place = parse_key(group) if self.by == "feature" else None
        if place is None or place.kind is not Kind.FEATURE:
            return group
        named = {"key": group, "name": group, "layer": place.layer, "index": place.index}
        return NodeName.of(Node.model_validate(named))

    def _tidy(self) -> dict[str, Tidy]:
        """The column of the group is called by what it is; layers and positions are numbers."""
        kind: type = int if self.by in ("layer", "position") else str
        rows = ({self.by: kind(g.group), "nodes": g.nodes, "influence": g.influence} for g in self.groups)
        return {"groups": Tidy({self.by: kind, "nodes": int, "influence": float}, rows)}


class InfluenceOfLength(Record):
    """The influence through paths of one length."""

    length: int = Field(description="Number of direct effects of the paths")
    influence: float = Field(description="How much of the logits flows through them, each weighted by its probability")
    cumulative_share: float = Field(
        description="Share of all that flows to the logits which paths of this length or shorter carry"
    )
    by_start: dict[str, float] = Field(description="Kind of node where the paths begin -> their part of `influence`")


class InfluenceByLength(ContrastResult):
    """How much of the logits flows through paths of 1, 2, 3, ... direct effects."""

    graph: str
    lengths: list[InfluenceOfLength] = Field(description="Shortest first")

    def _why_empty(self) -> str:
        return _NO_INFLUENCE

    def table(self) -> tuple[list[str], Cells]:
        """A row per length."""
        return ["effects", "influence", "cumulative", *(f"from {kind}" for kind in self._starts)], [
            [row.length, row.influence, row.cumulative_share, *(row.by_start[kind] for kind in self._starts)]
            for row in self.lengths
        ]

    @property
    def _starts(self) -> list[str]:
        return list(dict.fromkeys(kind for row in self.lengths for kind in row.by_start))

    def _tidy(self) -> dict[str, Tidy]:
        """`from_token` and so on are the shares of `influence` whose paths begin at such nodes."""
        kinds = self._starts
        columns = {"length": int, "influence": float, "cumulative_share": float}
        rows = (
            {name: getattr(row, name) for name in columns} | {f"from_{kind}": row.by_start[kind] for kind in kinds}
            for row in self.lengths
        )
        return {"lengths": Tidy(columns | {f"from_{kind}": float for kind in kinds}, rows)}


class InfluentialEffect(Record):
    """A direct effect and its influence."""

    source: Node
    target: Node
    weight: float
    influence: float = Field(description=INFLUENCE)


class InfluentialEffects(ContrastResult, GraphResult):
    """The direct effects through which most of the logits flows."""

    graph: str
    direct_effects: list[InfluentialEffect] = Field(alias="edges")

    def ranks(self) -> list[float]:
        """By influence."""
        return [-effect.influence for effect in self.direct_effects]

    def _why_empty(self) -> str:
        return _NO_INFLUENCE

    def table(self) -> tuple[list[str], Cells]:
        """A row per direct effect."""
        return ["influence", "weight", "source", "", "target", ""], [
            [e.influence, e.weight, e.source.key, NodeName.of(e.source), e.target.key, NodeName.of(e.target)]
            for e in self.direct_effects
        ]

    def edges(self) -> Iterator[Edge]:
        """The direct effects."""
        yield from ((e.source, e.target, e.weight) for e in self.direct_effects)
