"""Result types of queries about supernodes."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.models import Node, Record

_SHOWN = 3


class SupernodeDetails(Record):
    """A supernode and its nodes."""

    name: str
    source: str = Field(description="`file` (its `qParams`), `hand`, or `rule`")
    rule: str | None = Field(description="The rule that created it; null if it was created by hand")
    members: list[Node] = Field(description="In the order of the graph's file")


class Supernodes(Result):
    """Supernodes of a graph."""

    graph: str
    supernodes: list[SupernodeDetails] = Field(
        description="In order; a node in several supernodes counts in the last of them"
    )

    def _why_empty(self) -> str:
        return "The graph has no supernodes; `circuit-atlas supernodes create` makes some."

    def table(self) -> tuple[list[str], Cells]:
        """A row per supernode, its first members by name."""
        return ["supernode", "", "nodes", ""], [
            [s.name, s.rule or s.source, len(s.members), _shown([node.title for node in s.members])]
            for s in self.supernodes
        ]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"supernode": s.name, "source": s.source, "rule": s.rule, "nodes": len(s.members)} for s in self)
        members = (tidy(Node, s.members, supernode=s.name) for s in self.supernodes)
        return {
            "supernodes": Tidy({"supernode": str, "source": str, "rule": str, "nodes": int}, rows),
            "members": Tidy.joined(tidy(Node, [], supernode=""), *members),
        }


def _shown(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


class SupernodeLink(Record):
    """The effect of one supernode on another."""

    source: str = Field(description="Name of the supernode that acts")
    target: str = Field(description="Name of the supernode that it acts on")
    share: float = Field(description="Share of the target's inputs from outside, signed, as circuit-tracer draws it")
    sum: float = Field(description="Sum of the direct effects")
    effects: int = Field(description="Number of direct effects")


class SupernodeLinks(Result):
    """The links between the supernodes of a graph."""

    graph: str
    links: list[SupernodeLink] = Field(description="Largest |share| first")

    def _why_empty(self) -> str:
        return "No supernode acts on another."

    def table(self) -> tuple[list[str], Cells]:
        """A row per link."""
        return ["share", "sum", "effects", "source", "target"], [
            [link.share, link.sum, link.effects, link.source, link.target] for link in self.links
        ]
