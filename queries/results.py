"""Result types of queries about graphs and nodes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from pydantic import Field, field_serializer, model_validator

from circuit_atlas.printable import first_of
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, NodeName
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.keys import Component, feature_place
from circuit_atlas.schema.limits import MAX_ROWS
from circuit_atlas.schema.models import INFLUENCE, Node, Record
from circuit_atlas.schema.properties import EXPLANATION_LISTS, LABELS
from circuit_atlas.schema.source_sets import feature_page

_STORED = LABELS["Node"].properties


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
        heads = ["graph", "model", "source set", "nodes", "edges", "tags", "prompt"]
        return heads, [
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
            ["weights", f"{_short(self.weight_min)} to {_short(self.weight_max)}"],
            ["thresholds", f"node {_short(self.node_threshold)}, edge {_short(self.edge_threshold)}"],
        ]
        if self.replacement_score is not None and self.completeness_score is not None:
            rows.append(
                ["scores", f"replacement {self.replacement_score:.3f}, completeness {self.completeness_score:.3f}"]
            )
        rows += [["logit", f"{_short(item.probability)}  {item.node.name}"] for item in self.logits]
        return ["", ""], rows


class Explanation(Record):
    """An explanation of a feature, by a person or a model. A field that is not known is an empty text."""

    text: str
    source: str = Field(
        "", description="`hand`, `neuronpedia`, `import:` and a file's name, or `file:` and the slug of a graph's file"
    )
    model: str = Field("", description="The model that wrote it")
    type: str = Field("", description="The type of explanation, as its source calls it")
    date: str = Field("", description="When it was stored, ISO 8601")


class TranscoderFeature(Record):
    """A feature of a transcoder, the same for all graphs."""

    model: str
    source_set: str
    component: Component | None = Field(
        None, description="`transcoder`, or `lorsa` for an attention feature; null if it is not known"
    )
    layer: int
    index: int
    explanation: str | None = Field(None, description="The explanation that is shown, the first of `explanations`")
    explanations: list[Explanation] = Field(
        description="All explanations: labels given by hand, then fetched or imported ones, then labels in graph files"
    )
    fetched_at: str | None = Field(None, description="When Neuronpedia was last asked, ISO 8601")

    @property
    def page(self) -> str | None:
        """The address of its page on Neuronpedia; None if Neuronpedia does not have its source set."""
        return feature_page((self.model, self.source_set), self.layer, self.index)

    @property
    def place(self) -> str:
        """How it is addressed, such as `20/44686`."""
        return feature_place(self.layer, self.index, self.component)

    @model_validator(mode="before")
    @classmethod
    def _as_stored(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A `:TranscoderFeature` stores its explanations as lists of equal length. Others have been read from JSON."""
        if any(isinstance(one, dict | Explanation) for one in values.get("explanations") or ()):
            return values
        lists = [values.get(name) or [] for name in EXPLANATION_LISTS]
        fields = ("text", "source", "model", "type", "date")
        explanations = [dict(zip(fields, each, strict=True)) for each in zip_longest(*lists, fillvalue="")]
        fetched = values.get("fetched_at")
        return {name: value for name, value in values.items() if name not in EXPLANATION_LISTS} | {
            "explanations": explanations,
            "fetched_at": fetched if fetched is None or isinstance(fetched, str) else fetched.iso_format(),
        }


class QkPair(Record):
    """What a query and a key together add to the score of an attention feature."""

    query: Node = Field(description="The node at the query's position")
    key: Node = Field(description="The node at the key's position")
    value: float = Field(description="What they add; negative if they make the score smaller")


class QkMarginal(Record):
    """What a node at one side adds to the score of an attention feature, with all partners together."""

    node: Node
    value: float = Field(description="What it adds; negative if it makes the score smaller")


class QkTracing(Record):
    """What makes an attention feature attend, the largest contributions first, at most 100 of each kind."""

    pairs: list[QkPair]
    queries: list[QkMarginal] = Field(description="Nodes at the query's position")
    keys: list[QkMarginal] = Field(description="Nodes at the key's position")


class NodeDetails(Result):
    """All that is stored about a node."""

    graph: str
    node: Node
    depth: float | None = Field(
        description="Height in the model: token -1, features and errors their layer, less 0.5 if they belong to its "
        "attention; logits n_layers"
    )
    token: str | None = Field(description="Text of a token or logit, blanks included")
    activation: float | None
    probability: float | None
    influence: float | None = Field(description=INFLUENCE)
    cumulative_influence: float | None = Field(
        description="circuit-tracer's `influence`: share of influence of this node and all stronger ones"
    )
    feature_type: str | None = Field(description="The node's type as the file calls it")
    pinned: bool = Field(description="Whether the node was pinned in circuit-tracer's frontend")
    inputs: int = Field(description="Number of direct effects on it")
    outputs: int = Field(description="Number of its direct effects on others")
    supernodes: list[str]
    transcoder_feature: TranscoderFeature | None
    qk: QkTracing | None = Field(None, description="QK pairs of an attention feature, if the file has them")
    graphs: int | None = Field(None, description=_STORED["graphs"].description)
    mean_influence: float | None = Field(None, description=_STORED["mean_influence"].description)

    def table(self) -> tuple[list[str], Cells]:
        """A row per property that has a value."""
        shown = self.node.model_dump(mode="json") | self.model_dump(exclude={"node", "transcoder_feature", "qk"})
        shown |= {"name": NodeName.of(self.node)}
        rows = [[name, value] for name, value in shown.items() if value not in (None, []) and value is not False]
        if self.transcoder_feature:
            feature = self.transcoder_feature
            rows.append(["transcoder", f"{feature.model} / {feature.source_set}"])
            rows += [["explanation", f"{found.text} ({_origin(found)})"] for found in feature.explanations]
        if self.qk:
            pairs = [(f"{_named(pair.query)} x {_named(pair.key)}", pair.value) for pair in self.qk.pairs]
            sides = (("query", self.qk.queries), ("key", self.qk.keys))
            rows += [["QK pair", f"{_short(value)}  {names}"] for names, value in pairs]
            rows += [[f"QK {side}", f"{_short(one.value)}  {_named(one.node)}"] for side, ones in sides for one in ones]
        return ["", ""], rows

    def _tidy(self) -> dict[str, Tidy]:
        found = self.transcoder_feature.explanations if self.transcoder_feature else []
        return {**super()._tidy(), "explanations": tidy(Explanation, found, key=self.node.key)}


class Rows(Result):
    """Rows of a Cypher statement or of a query of the catalogue."""

    columns: list[str]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, columns: list[str], rows: list[dict[str, Any]]) -> Rows:
        """The answer with these rows, and a note if there may be more."""
        is_cut = len(rows) >= MAX_ROWS
        notes = [f"There may be more than {MAX_ROWS:,} rows, which is all that a query returns."] if is_cut else []
        return cls(columns=columns, rows=rows, notes=notes)

    @field_serializer("rows", when_used="json")
    def _as_json(self, rows: list[dict[str, Any]]) -> Any:
        return _plain(rows)

    def _why_empty(self) -> str:
        return "The query found no rows." if self.columns else ""  # without columns, it only writes

    def table(self) -> tuple[list[str], Cells]:
        """A row per row."""
        return self.columns, [[row.get(column) for column in self.columns] for row in self.rows]

    def _items(self) -> Sequence[dict[str, Any]]:
        return self.rows

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({column: row.get(column) for column in self.columns} for row in self.rows)
        return {"rows": Tidy(dict.fromkeys(self.columns, Any), rows)}


def _named(node: Node) -> str:
    return f"{node.name} ({node.key})"


def _origin(explanation: Explanation) -> str:
    return ", ".join(word for word in (explanation.source, explanation.model, explanation.date[:10]) if word)


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """A value without Neo4j's own types (dates, points, ...), which become text, as do bytes: in base64."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.iso_format() if hasattr(value, "iso_format") else str(value)
