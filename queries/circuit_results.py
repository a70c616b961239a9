"""Result types of queries about circuits."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.printable import first_of
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, NodeName
from circuit_atlas.results.tidy import Tidy, tidy, tidy_lists
from circuit_atlas.schema.models import Node, Record

_SHOWN = 3
_INFLUENCE = "Of what flows into the targets, the share that neither comes from nor passes a node left out"
_REPLACEMENT = (
    "What comes from tokens, as a share of what comes from tokens, errors and nodes left out; null if nothing does"
)
_COMPLETENESS = "Share of each node's inputs that are neither errors nor left out, weighted by its influence"


class CircuitNode(Record):
    """A node of a circuit."""

    node: Node
    influence: float = Field(description="How much of the targets flows through it along paths in the circuit")


class Scores(Record):
    """How much of a graph a part of it keeps, see `circuit_atlas.graph.circuits`."""

    influence: float | None = Field(description=_INFLUENCE)
    replacement: float | None = Field(description=_REPLACEMENT)
    completeness: float = Field(description=_COMPLETENESS)


class MethodScores(Scores):
    """The scores of the circuit that one method chose."""

    method: str = Field(description="`influence`, `greedy` or `paths`")
    nodes: int = Field(description="Number of nodes that it chose")


class Circuit(Result):
    """A circuit, and how much of the graph it keeps. Nodes left out count as errors."""

    _list = "nodes"

    graph: str
    circuit: str | None = Field(description="Name under which it is stored; null if it is not")
    nodes: list[CircuitNode] = Field(
        description="Its nodes, the most influential first; tokens and logits only where they were given"
    )
    influence: float | None = Field(description=_INFLUENCE)
    replacement: float | None = Field(description=_REPLACEMENT)
    completeness: float = Field(description=_COMPLETENESS)
    whole: Scores = Field(description="The scores of the whole graph")
    keep: str | None = Field(None, description="What it was chosen to keep; null if its nodes were given")
    method: str | None = Field(None, description="The method that chose it; null if its nodes were given")
    tried: list[MethodScores] = Field([], description="What each method that was tried came to")

    @property
    def heading(self) -> str:
        """The scores, beside those of the whole graph."""
        name = "" if self.circuit is None else f"Circuit {self.circuit!r}: "
        how = "" if self.method is None else f" (chosen by {self.method})"
        return (
            f"{name}{len(self.nodes)} nodes{how}: influence {_shown(self.influence)}, "
            f"replacement {_shown(self.replacement)} of {_shown(self.whole.replacement)}, "
            f"completeness {_shown(self.completeness)} of {_shown(self.whole.completeness)}"
        )

    def table(self) -> tuple[list[str], Cells]:
        """A row per node."""
        return ["influence", "node", "name"], [
            [found.influence, found.node.key, NodeName.of(found.node)] for found in self.nodes
        ]

    def _tidy(self) -> dict[str, Tidy]:
        return {**super()._tidy(), "scores": tidy(Circuit, [self])}


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"


class StoredCircuit(Record):
    """A circuit that is stored."""

    name: str
    rule: str | None = Field(description="How its nodes were chosen; null if they were given")
    nodes: list[Node] = Field(description="In the order of the graph's file")


class StoredCircuits(Result):
    """The circuits of a graph."""

    graph: str
    circuits: list[StoredCircuit] = Field(description="By name")

    def _why_empty(self) -> str:
        return "The graph has no stored circuit; `circuit-atlas circuit GRAPH --name NAME` stores one."

    def table(self) -> tuple[list[str], Cells]:
        """A row per circuit, its first nodes by name."""
        return ["circuit", "", "nodes", ""], [
            [
                found.name,
                found.rule or "nodes given",
                len(found.nodes),
                first_of([node.title for node in found.nodes], _SHOWN),
            ]
            for found in self.circuits
        ]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"circuit": found.name, "rule": found.rule, "nodes": len(found.nodes)} for found in self.circuits)
        return {
            "circuits": Tidy({"circuit": str, "rule": str, "nodes": int}, rows),
            "nodes": tidy_lists(Node, "circuit", ((found.name, found.nodes) for found in self.circuits)),
        }
