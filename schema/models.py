"""Typed forms of what is stored. `schema/properties.py` describes the properties."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.properties import LABELS

COLLAPSED_FIELDS = ("collapsed_from", "collapsed_weights", "collapsed_state")  # only collapsed graphs have them
FILE_FIELDS = ("file_metadata", "file_qparams", "file_extra", "file_form")  # stored as JSON text

_NODE = LABELS["Node"].properties


class Record(BaseModel):
    """Base of the frozen records. An unknown field is an error in our own code, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __dir__(self) -> list[str]:
        """What completion offers: fields and methods of ours, without those of pydantic."""
        return [
            name
            for name in super().__dir__()
            if hasattr(object, name) or not (name.startswith("__") or hasattr(BaseModel, name))
        ]


class Node(Record):
    """A node, as every answer shows it."""

    key: str = Field(description=_NODE["key"].description)
    kind: Kind = Field(
        description="`feature`, `error`, `token`, `logit`, or `other`: a type this version does not know"
    )
    name: str = Field(description=_NODE["name"].description)
    layer: int | None = Field(None, description=_NODE["layer"].description)
    position: int | None = Field(None, description=_NODE["position"].description)
    index: int | None = Field(None, description=_NODE["index"].description)
    source_id: str | None = Field(None, description=_NODE["source_id"].description)

    @model_validator(mode="before")
    @classmethod
    def _kind_of_key(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "kind": values["key"].partition(":")[0]}


class Supernode(Record):
    """A named group of nodes, as a file's `qParams.supernodes` or a user makes it. `members` are ordinals,
    ascending."""

    name: str
    members: tuple[int, ...]


class GraphMetadata(Record):
    """What is known of a graph as a whole. Each field is a property of `:Graph`; mappings are stored as JSON text."""

    slug: str
    prompt: str
    tokens: list[str]
    model: str
    source_set: str
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
    warnings: list[str] = Field(default_factory=list)
