"""Result types of queries about supernodes."""

from __future__ import annotations

from pydantic import Field

from circuit_atlas.printable import first_of
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy, tidy, tidy_lists
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
            [s.name, s.rule or s.source, len(s.members), first_of([node.title for node in s.members], _SHOWN)]
            for s in self.supernodes
        ]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"supernode": s.name, "source": s.source, "rule": s.rule, "nodes": len(s.members)} for s in self)
        return {
            "supernodes": Tidy({"supernode": str, "source": str, "rule": str, "nodes": int}, rows),
            "members": tidy_lists(Node, "supernode", ((s.name, s.members) for s in self.supernodes)),
        }


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


class SuggestedSupernode(Record):
    """A group of features that do the same."""

    name: str = Field(description="From the words that its nodes' names share and from their token")
    similarity: float = Field(description="Mean similarity of two of its nodes, -1 to 1")
    members: list[Node] = Field(description="By layer, then position")


class FlowKept(Record):
    """Of the influence that direct effects on and of the features carry, with signs: shares that add up to 1."""

    kept: float = Field(description="What is left when each supernode is one node")
    inside: float = Field(description="What flows inside supernodes")
    cancelled: float = Field(description="What cancels out where effects between the same two nodes are added up")


class SuggestedSupernodes(Result):
    """Supernodes of features that do the same. The graph collapsed by them has no cycle."""

    _list = "supernodes"

    graph: str
    circuit: str | None = Field(description="The circuit whose features were grouped; null for all of the graph")
    features: int = Field(description="Number of features that were to be grouped")
    supernodes: list[SuggestedSupernode] = Field(description="By layer, then position, of their first nodes")
    alone: list[Node] = Field(description="The features that are in no group")
    similarity: float | None = Field(description="Mean similarity of two features of one supernode; null without any")
    flow: FlowKept | None = Field(description="What is kept of the influence; null if no effect carries any")
    written: bool = Field(description="Whether the supernodes are stored")

    @property
    def heading(self) -> str:
        """How many, and how good they are."""
        grouped = self.features - len(self.alone)
        shown = f"{len(self.supernodes)} supernodes of {grouped} features, {len(self.alone)} features alone"
        if self.similarity is not None:
            shown += f"; similarity {self.similarity:.3f}"
        if self.flow is not None:
            shown += (
                f"; flow kept {self.flow.kept:.3f} "
                f"(inside supernodes {self.flow.inside:.3f}, cancelled {self.flow.cancelled:.3f})"
            )
        return shown if self.written else f"{shown}; not written"

    def table(self) -> tuple[list[str], Cells]:
        """A row per supernode, its first members by name."""
        return ["supernode", "similarity", "nodes", ""], [
            [s.name, s.similarity, len(s.members), first_of([node.title for node in s.members], _SHOWN)]
            for s in self.supernodes
        ]

    def _tidy(self) -> dict[str, Tidy]:
        columns = {"supernode": str, "similarity": float, "nodes": int}
        rows = ({"supernode": s.name, "similarity": s.similarity, "nodes": len(s.members)} for s in self.supernodes)
        return {
            "supernodes": Tidy(columns, rows),
            "members": tidy_lists(Node, "supernode", ((s.name, s.members) for s in self.supernodes)),
            "alone": tidy(Node, self.alone),
            "quality": tidy(SuggestedSupernodes, [self]),
        }


class CopiedSupernode(Record):
    """A supernode that was copied to another graph."""

    name: str
    members: list[Node] = Field(description="Its nodes in the other graph; empty if the supernode was not made")
    moved: list[Node] = Field(description="Those of them that are at other positions than in the first graph")
    left_out: list[Node] = Field(description="Its nodes in the first graph that the other has no match for")


class CopiedSupernodes(Result):
    """Supernodes of one graph, copied to another by transcoder feature."""

    _list = "supernodes"

    graph: str = Field(description="The graph that they were copied to")
    source: str = Field(description="The graph that they come from")
    supernodes: list[CopiedSupernode] = Field(description="In order")

    def table(self) -> tuple[list[str], Cells]:
        """A row per supernode, and the nodes that were left out."""
        return ["supernode", "nodes", "moved", "left out", ""], [
            [s.name, len(s.members), len(s.moved), len(s.left_out), ", ".join(node.key for node in s.left_out)]
            for s in self.supernodes
        ]

    def _tidy(self) -> dict[str, Tidy]:
        columns = {"supernode": str, "nodes": int, "moved": int, "left_out": int}
        rows = (
            {"supernode": s.name, "nodes": len(s.members), "moved": len(s.moved), "left_out": len(s.left_out)}
            for s in self.supernodes
        )
        lists = {
            name: tidy_lists(Node, "supernode", ((s.name, getattr(s, name)) for s in self.supernodes))
            for name in ("members", "moved", "left_out")
        }
        return {"supernodes": Tidy(columns, rows), **lists}
