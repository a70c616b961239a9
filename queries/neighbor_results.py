"""Result types of queries about the neighbourhood of a node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from circuit_atlas.queries.contrast_results import ContrastResult
from circuit_atlas.results.answer import Edge, GraphResult
from circuit_atlas.results.tables import Cells, NodeName, with_interval
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.models import Node, Record


class Neighbor(Record):
    """A neighbour of a node and the direct effect between the two."""

    node: Node
    weight: float = Field(description="Direct effect; negative if it inhibits")


class AggregatedNeighbor(Neighbor):
    """A neighbour in an aggregate: the weight is the mean over its graphs, see `circuit_atlas.graph.aggregate`. It has
    an interval, see `circuit_atlas.graph.intervals`."""

    graphs: int = Field(description="Number of graphs that have the direct effect")
    weight_low: float | None = Field(
        description="Lower end of its 95 % interval over all graphs of the aggregate; null for fewer than three"
    )
    weight_high: float | None = Field(description="Upper end of it")
    weight_present: float = Field(description="Mean weight over these graphs")
    weight_sd: float = Field(description="Standard deviation of the weight over all graphs of the aggregate")
    sign_agreement: float = Field(description="Share of these graphs where the weight has its commoner sign")


def neighbor_rows(node: Node, incoming: Sequence[Neighbor], outgoing: Sequence[Neighbor]) -> list[Tidy]:
    """The neighbours of a node as tidy data: `of` is the node's key, `direction` is `in` for an effect on it."""
    sides = {"in": incoming, "out": outgoing}
    record = AggregatedNeighbor if _are_aggregated([*incoming, *outgoing]) else Neighbor
    return [tidy(record, found, of=node.key, direction=direction) for direction, found in sides.items()]


def _are_aggregated(neighbors: Sequence[Neighbor]) -> bool:
    return any(isinstance(neighbor, AggregatedNeighbor) for neighbor in neighbors)


def _weight(neighbor: Neighbor) -> float | str:
    """The weight as it is shown, in an aggregate with its interval."""
    if isinstance(neighbor, AggregatedNeighbor):
        return with_interval(neighbor.weight, neighbor.weight_low, neighbor.weight_high)
    return neighbor.weight


class Neighbors(ContrastResult, GraphResult):
    """The strongest direct effects on a node and from it."""

    _list: ClassVar[str | None] = None

    graph: str
    node: Node
    incoming: list[AggregatedNeighbor | Neighbor] = Field(alias="in", description="Effects on the node")
    outgoing: list[AggregatedNeighbor | Neighbor] = Field(alias="out", description="Effects of the node")

    def _why_empty(self) -> str:
        return f"{self.node.key} has no such direct effects."

    def table(self) -> tuple[list[str], Cells]:
        """A row per neighbour."""
        sides = (("in", self.incoming), ("out", self.outgoing))
        is_aggregate = _are_aggregated(self._items())
        more = ["graphs", "sign_agreement", "weight_sd"] if is_aggregate else []
        weight = "weight [95%]" if is_aggregate else "weight"
        return ["", weight, *(name.replace("_", " ") for name in more), "key", "name"], [
            [side, _weight(item), *(getattr(item, name) for name in more), item.node.key, NodeName.of(item.node)]
            for side, items in sides
            for item in items
        ]

    def edges(self) -> Iterator[Edge]:
        """The direct effects."""
        yield from ((item.node, self.node, item.weight) for item in self.incoming)
        yield from ((self.node, item.node, item.weight) for item in self.outgoing)

    def _items(self) -> Sequence[Neighbor]:
        return [*self.incoming, *self.outgoing]

    def _tidy(self) -> dict[str, Tidy]:
        return {"edges": Tidy.joined(*neighbor_rows(self.node, self.incoming, self.outgoing))}


class DirectEffect(Record):
    """A direct effect between two nodes."""

    source: str = Field(description="Key of the source")
    target: str = Field(description="Key of the target")
    weight: float


class Subgraph(ContrastResult, GraphResult):
    """The neighbourhood of a node, several hops wide, with the strongest effects of each node."""

    _list: ClassVar[str | None] = "direct_effects"

    graph: str
    node: Node
    hops: int
    nodes: list[Node]
    direct_effects: list[DirectEffect] = Field(alias="edges")

    def _why_empty(self) -> str:
        return f"{self.node.key} has no such direct effects."

    def table(self) -> tuple[list[str], Cells]:
        """A row per edge."""
        name = {node.key: NodeName.of(node) for node in self.nodes}
        return ["weight", "source", "", "target", ""], [
            [e.weight, e.source, name[e.source], e.target, name[e.target]] for e in self.direct_effects
        ]

    def edges(self) -> Iterator[Edge]:
        """The direct effects."""
        by_key = {node.key: node for node in self.nodes}
        yield from ((by_key[e.source], by_key[e.target], e.weight) for e in self.direct_effects)

    def _tidy(self) -> dict[str, Tidy]:
        found = super()._tidy()
        return {"edges": found["edges"], "nodes": found["nodes"]}
