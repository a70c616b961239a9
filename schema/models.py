"""Typed forms of what is stored. `schema/properties.py` describes the properties."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from circuit_atlas.schema.keys import SUPERNODE, Component, Kind, component_of
from circuit_atlas.schema.properties import LABELS

COLLAPSED_FIELDS = ("collapsed_from", "collapsed_weights", "collapsed_state")  # only collapsed graphs have them
AGGREGATE_FIELDS = (  # only aggregates have them
    "aggregated_names",
    "aggregated_tags",
    "aggregated_graphs",
    "aggregated_align",
    "aggregated_weight",
    "aggregated_min_graphs",
    "aggregated_state",
)
FILE_FIELDS = ("file_metadata", "file_qparams", "file_extra", "file_form")  # stored as JSON text

_NODE = LABELS["Node"].properties
INFLUENCE = "How much of the logits flows through it over all paths, each logit weighted by its probability"
"""The description of the influence of a node or effect in answers."""


class Record(BaseModel):
    """Base of the frozen records. An unknown field is an error in our own code, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __dir__(self) -> list[str]:
        """The names that completion offers: fields and methods of ours, without those of pydantic."""
        return [
            name
            for name in super().__dir__()
            if hasattr(object, name) or not (name.startswith("__") or hasattr(BaseModel, name))
        ]


class Node(Record):
    """A node, as every answer shows it."""

    key: str = Field(description=_NODE["key"].description)
    kind: Kind = Field(
        description="`feature`, `error`, `token`, `logit`, `bias`, or `other`: a type this version does not know"
    )
    name: str = Field(description=_NODE["name"].description)
    layer: int | None = Field(None, description=_NODE["layer"].description)
    position: int | None = Field(None, description=_NODE["position"].description)
    index: int | None = Field(None, description=_NODE["index"].description)
    source_id: str | None = Field(None, description=_NODE["source_id"].description)
    component: Component | None = Field(None, description=_NODE["component"].description)
    _place: str = PrivateAttr("")

    @property
    def title(self) -> str:
        """The name, with the place where other nodes of the graph have the same name: `is (16@9)`."""
        return f"{self.name} ({self._place})" if self._place else self.name

    @property
    def place(self) -> str:
        """The part that the title adds to the name; empty for a name that no other node of the graph has."""
        return self._place

    @property
    def is_supernode(self) -> bool:
        """Whether it is a supernode, in a collapsed graph."""
        return self.key.startswith(f"{self.kind}:{SUPERNODE}/")

    def titled(self, *, crowded: bool) -> Node:
        """The same node, with its place in the title: its layer, or kind, and position; with the index, too, where it
        is `crowded`, which means that several nodes of its layer and position have its name."""
        copy = self.model_copy()
        copy._place = self._placed(crowded)
        return copy

    def _placed(self, crowded: bool) -> str:
        if self.is_supernode:
            return SUPERNODE
        if self.position is None:
            return self.key
        if self.layer is None:
            return f"{self.kind}@{self.position}"
        return f"{self.layer}/{self.index}@{self.position}" if crowded else f"{self.layer}@{self.position}"

    @model_validator(mode="before")
    @classmethod
    def _as_the_key_says(cls, values: dict[str, Any]) -> dict[str, Any]:
        key = values["key"]
        return {**values, "kind": key.partition(":")[0], "component": component_of(key)}


class Supernode(Record):
    """A named group of nodes, as a file's `qParams.supernodes` or a user makes it. `members` are ordinals,
    ascending."""

    name: str
    members: tuple[int, ...]


class GraphMetadata(Record):
    """Facts about a graph as a whole. Each field is a property of `:Graph`; mappings are stored as JSON text."""

    slug: str
    prompt: str
    tokens: list[str]
    model: str
    source_set: str
    lorsa_source_set: str | None = None
    scan: str | None = None
    n_layers: int
    n_pos: int
    source_format: str
    node_threshold: float | None = None
    edge_threshold: float | None = None
    active_features: int | None = None
    vocab_size: int | None = None
    file_metadata: dict[str, Any] = Field(default_factory=dict)
    file_qparams: dict[str, Any] = Field(default_factory=dict)
    file_extra: dict[str, Any] = Field(default_factory=dict)
    file_form: dict[str, Any] = Field(default_factory=dict)
    collapsed_from: str | None = None
    collapsed_weights: str | None = None
    collapsed_state: str | None = None
    aggregated_names: list[str] | None = None
    aggregated_tags: list[str] | None = None
    aggregated_graphs: int | None = None
    aggregated_align: str | None = None
    aggregated_weight: str | None = None
    aggregated_min_graphs: int | None = None
    aggregated_state: str | None = None
    warnings: list[str] = Field(default_factory=list)
