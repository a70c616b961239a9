"""Result types of questions about graphs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from circuit_atlas.printable import first_of
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, shown_number
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.models import Node, Record


class GraphSummary(Record):
    """One graph in the list of graphs."""

    graph: str
    prompt: str
    model: str
    source_set: str
    lorsa_source_set: str | None = Field(None, description="The set of its attention features; null if it has none")
    nodes: int
    edges: int
    created_at: str = Field(description="When it was ingested, ISO 8601")
    collapsed_from: str | None = Field(None, description="The whole graph, if this one was collapsed by its supernodes")
    aggregated_graphs: int | None = Field(None, description="Of an aggregate, how many graphs it was made of")
    tags: list[str] = Field(description="Its tags, by name")

    @property
    def source_sets(self) -> list[tuple[str, str]]:
        """Model and name of the set of its transcoders, and of the set of its attention features if it has any."""
        return [(self.model, name) for name in (self.source_set, self.lorsa_source_set) if name is not None]


class Graphs(Result):
    """The graphs of the database."""

    graphs: list[GraphSummary]

    def table(self) -> tuple[list[str], Cells]:
        """A row per graph."""
        headers = ["graph", "model", "source set", "nodes", "edges", "tags", "prompt"]
        return headers, [
            [g.graph, g.model, g.source_set, g.nodes, g.edges, ", ".join(g.tags), g.prompt] for g in self.graphs
        ]


class TaggedGraphs(Record):
    """A tag and its graphs."""

    tag: str
    graphs: list[str] = Field(description="Names of its graphs")


class Tags(Result):
    """The tags of the database and their graphs."""

    tags: list[TaggedGraphs]

    def table(self) -> tuple[list[str], Cells]:
        """A row per tag."""
        return ["tag", "graphs", ""], [[t.tag, len(t.graphs), first_of(t.graphs, 10)] for t in self.tags]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"tag": tagged.tag, "graph": graph} for tagged in self.tags for graph in tagged.graphs)
        return {"graphs": Tidy({"tag": str, "graph": str}, rows)}


class NodeCounts(Record):
    """Number of nodes by kind."""

    feature: int
    error: int
    token: int
    logit: int
    bias: int = 0
    other: int = Field(description="Nodes of types unknown to this version")
    total: int


class LogitProbability(Record):
    """A logit and its probability."""

    node: Node
    token: str | None = Field(description="The output token as text, blanks included")
    probability: float | None


class Statistics(Result):
    """Prompt, model, size, weights and logits of a graph."""

    _list: ClassVar[str | None] = None

    graph: str
    prompt: str
    tokens: list[str]
    model: str
    source_set: str
    lorsa_source_set: str | None = Field(None, description="The set of its attention features; null if it has none")
    scan: str | None
    n_layers: int
    n_pos: int
    nodes: NodeCounts
    edges: int = Field(description="Number of direct effects other than 0")
    density: float = Field(description="edges / nodes^2, between 0 and 1")
    weight_min: float | None = Field(description="Smallest (most inhibiting) weight; null without edges")
    weight_max: float | None
    zero_links: int = Field(description="Links of weight 0 in the file, which are not stored")
    active_features: int | None = Field(description="Features active on the prompt, if the file says")
    node_threshold: float | None
    edge_threshold: float | None
    replacement_score: float | None = Field(description="Share of influence that begins at tokens, not at errors")
    completeness_score: float | None = Field(
        description="Share of inputs, by influence of their target, not from errors"
    )
    logits: list[LogitProbability] = Field(description="Most probable first, at most 100")
    warnings: list[str] = Field(description="Warnings of the reader of the file")

    def table(self) -> tuple[list[str], Cells]:
        """A row per statistic."""
        counts = ", ".join(f"{n} {kind}" for kind, n in self.nodes if kind != "total" and n)
        rows: Cells = [
            ["graph", self.graph],
            ["prompt", self.prompt],
            ["model", f"{self.model} ({', '.join(filter(None, (self.source_set, self.lorsa_source_set)))})"],
            ["size", f"{self.n_layers} layers x {self.n_pos} positions"],
            ["nodes", f"{self.nodes.total} ({counts})"],
            ["edges", f"{self.edges} ({self.density:.2%} of nodes squared)"],
            ["weights", f"{shown_number(self.weight_min)} to {shown_number(self.weight_max)}"],
            ["thresholds", f"node {shown_number(self.node_threshold)}, edge {shown_number(self.edge_threshold)}"],
        ]
        if self.replacement_score is not None and self.completeness_score is not None:
            rows.append(
                ["scores", f"replacement {self.replacement_score:.3f}, completeness {self.completeness_score:.3f}"]
            )
        rows += [["logit", f"{shown_number(item.probability)}  {item.node.name}"] for item in self.logits]
        return ["", ""], rows
