"""Typed forms of what the database holds; every property has its description here, and only here.

`docs/schema.md` is generated from these models.
"""

from __future__ import annotations

from typing import Any

from circuit_atlas.schema.keys import Kind
from pydantic import BaseModel, ConfigDict, Field, model_validator

COLLAPSED_FIELDS = ("collapsed_from", "collapsed_weights", "collapsed_state")  # of a collapsed graph
FILE_FIELDS = ("file_metadata", "file_qparams", "file_extra", "file_form")  # of a graph, stored as JSON text


class Record(BaseModel):
    """Base of the frozen records: unknown fields are an error in our own code, never passed on."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Node(Record):
    """A node, as every answer shows it."""

    key: str = Field(description="Unique within the graph: `feature:8/37691@6`, `token:6`, ...")
    kind: Kind = Field(
        description="`feature`, `error`, `token`, `logit`, or `other`: a type this version does not know"
    )
    name: str = Field(description="What a person calls it: label, token or logit text, never a bare number")
    layer: int | None = Field(None, description="Layer of a feature or error; null for tokens and logits")
    position: int | None = Field(None, description="Position in the prompt, from 0")
    index: int | None = Field(
        None, description="Feature index in its transcoder layer, or vocabulary index of a token or logit"
    )
    source_id: str | None = Field(None, description="The file's own `node_id`; null when it has none (`.pt`)")

    @model_validator(mode="before")
    @classmethod
    def _kind_of_key(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "kind": values["key"].partition(":")[0]}


class Supernode(Record):
    """A named group of nodes, made by hand in the frontend (`qParams.supernodes`)."""

    name: str
    members: tuple[int, ...] = Field(description="Ordinals of the grouped nodes, ascending")


class GraphMetadata(Record):
    """What is known of a graph as a whole. Stored on `(:Graph)` under the same names."""

    slug: str = Field(description="The name in the file, or the file's stem")
    prompt: str = Field(description="The prompt as the file gives it")
    tokens: list[str] = Field(description="The prompt's tokens as text; their number is `n_pos`")
    model: str = Field(description="The language model, for instance `gemma-2-2b`")
    source_set: str = Field(description="The set of transcoders the features belong to, e.g. `clt-hp`")
    scan: str | None = Field(None, description="circuit-tracer's identifier of the transcoders, as it stands")
    n_layers: int = Field(description="Layers of the model")
    n_pos: int = Field(description="Positions of the prompt")
    source_format: str = Field(description="`json`, `pt`, or `graph` (a circuit_tracer.Graph in memory)")
    node_threshold: float | None = Field(None, description="Share of influence the kept nodes carry")
    edge_threshold: float | None = Field(None, description="Share of influence the kept edges carry")
    active_features: int | None = Field(None, description="Features active on the prompt, where known")
    vocab_size: int | None = Field(None, description="Logit indices from here on are virtual directions")
    file_metadata: dict[str, Any] = Field(default_factory=dict, description="The file's `metadata`, whole")
    file_qparams: dict[str, Any] = Field(default_factory=dict, description="The file's `qParams`, whole")
    file_extra: dict[str, Any] = Field(default_factory=dict, description="Top-level fields beyond the known")
    file_form: dict[str, Any] = Field(
        default_factory=dict,
        description="What else it takes to write the file again: types of tensors, links of weight 0",
    )
    collapsed_from: str | None = Field(None, description="Of a collapsed graph: the graph whose supernodes it shows")
    collapsed_weights: str | None = Field(None, description="Of a collapsed graph: `shares` or `sums`")
    collapsed_state: str | None = Field(
        None, description="Of a collapsed graph: hash of what it was made from, by which it is seen to be out of date"
    )
    warnings: list[str] = Field(default_factory=list, description="What the reader noticed and kept going")
