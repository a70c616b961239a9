"""Result types of questions about one node."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from pydantic import Field, model_validator

from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, NodeName, shown_number
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.keys import Component, feature_place
from circuit_atlas.schema.models import INFLUENCE, Node, Record
from circuit_atlas.schema.properties import EXPLANATION_LISTS, LABELS
from circuit_atlas.schema.source_sets import feature_page

_STORED = LABELS["Node"].properties


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
    """The amount that a query and a key together add to the score of an attention feature."""

    query: Node = Field(description="The node at the query's position")
    key: Node = Field(description="The node at the key's position")
    value: float = Field(description="What they add; negative if they make the score smaller")


class QkMarginal(Record):
    """The amount that a node at one side adds to the score of an attention feature, with all partners together."""

    node: Node
    value: float = Field(description="What it adds; negative if it makes the score smaller")


class QkTracing(Record):
    """The contributions that make an attention feature attend, the largest first, at most 100 of each kind."""

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
            rows += [["QK pair", f"{shown_number(value)}  {names}"] for names, value in pairs]
            rows += [
                [f"QK {side}", f"{shown_number(one.value)}  {_named(one.node)}"] for side, ones in sides for one in ones
            ]
        return ["", ""], rows

    def _tidy(self) -> dict[str, Tidy]:
        found = self.transcoder_feature.explanations if self.transcoder_feature else []
        return {**super()._tidy(), "explanations": tidy(Explanation, found, key=self.node.key)}


def _named(node: Node) -> str:
    return f"{node.name} ({node.key})"


def _origin(explanation: Explanation) -> str:
    return ", ".join(word for word in (explanation.source, explanation.model, explanation.date[:10]) if word)
