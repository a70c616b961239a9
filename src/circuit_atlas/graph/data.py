"""A graph in memory: the one form that every reader makes and every writer takes.

Nodes and edges are columns (numpy arrays and lists of text) in the file's order of nodes. A node's index in that order
is its *ordinal*; for a `.pt` it is its row and column in the adjacency matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from circuit_atlas.schema.keys import (
    ATTENTION_COMPONENTS,
    ATTENTION_STEP,
    KIND_OF_FEATURE_TYPE,
    SUPERNODE,
    Component,
    Kind,
    component_of,
    make_key,
)
from circuit_atlas.schema.models import GraphMetadata, Supernode

KINDS: tuple[Kind, ...] = tuple(Kind)
NO_VALUE = -1

_USUAL_COMPONENT = {Kind.FEATURE: Component.TRANSCODER, Kind.ERROR: Component.MLP}

# The columns of NodeColumns but `pinned`. The content hash takes them in this order.
NUMBERS = ("kind", "layer", "position", "index", "activation", "probability", "cumulative_influence")
TEXTS = ("token", "label", "source_id", "js_node_id", "feature_type", "extra")

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NodeColumns:
    """Nodes as columns of equal length n.

    `kind` (int8) has indices into `KINDS`. An integer that does not apply is `NO_VALUE`, a float NaN, a text None.
    `probability` is that of a logit, `activation` that of a feature. `cumulative_influence` is circuit-tracer's
    `influence`: the share of influence that this node and all stronger ones carry, so small means strong. The columns
    from `js_node_id` on are empty if the format does not have them.
    """

    kind: npt.NDArray[np.int8]
    layer: Int32
    position: Int32
    index: Int64
    activation: Float64
    probability: Float64
    cumulative_influence: Float64
    token: list[str | None]  # text of a token or logit
    label: list[str | None]  # the file's `clerp`
    source_id: list[str | None]
    js_node_id: list[str | None] = field(default_factory=list)
    feature_type: list[str | None] = field(default_factory=list)
    extra: list[str | None] = field(default_factory=list)  # further fields of the file, as JSON
    pinned: Bool = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, at: Int64) -> NodeColumns:
        """The nodes with ordinals `at`, int64 (k,), in that order. Columns that are empty stay empty."""

        def pick(column: list[str | None]) -> list[str | None]:
            return [column[i] for i in at] if column else []

        numbers: dict[str, Any] = {name: getattr(self, name)[at] for name in NUMBERS}
        texts: dict[str, Any] = {name: pick(getattr(self, name)) for name in TEXTS}
        return NodeColumns(**numbers, **texts, pinned=self.pinned[at] if len(self.pinned) else self.pinned)

    def key(self, i: int) -> str:
        """The key of the node with ordinal `i`."""
        kind = KINDS[self.kind[i]]
        if kind in (Kind.BIAS, Kind.OTHER) or self.is_supernode(i):
            return f"{kind}:{self.source_id[i]}"
        layer, index, position = (
            None if value == NO_VALUE else int(value) for value in (self.layer[i], self.index[i], self.position[i])
        )
        if kind is Kind.TOKEN and position is None:
            return f"token:text/{self.token[i]}"
        if kind is Kind.LOGIT and index is None:
            return f"logit:{self.label[i]}"
        return make_key(kind, layer, index, position, self.component(i))

    def component(self, i: int) -> Component | None:
        """Which part of its layer the node with ordinal `i` belongs to; None for tokens, logits and supernodes."""
        match KINDS[self.kind[i]]:
            case _ if self.is_supernode(i):
                return None
            case Kind.FEATURE | Kind.ERROR as kind:
                stated = KIND_OF_FEATURE_TYPE.get(str(self.feature_type[i])) if self.feature_type else None
                return stated[1] if stated else _USUAL_COMPONENT[kind]
            case Kind.BIAS:
                return component_of(self.key(i))
            case _:
                return None

    def is_supernode(self, i: int) -> bool:
        """Whether the node with ordinal `i` is a supernode, in a collapsed graph."""
        return bool(self.feature_type) and self.feature_type[i] == SUPERNODE

    @property
    def depth(self) -> Float64:
        """Height of each node in the model, (n,): tokens -1, logits infinite, others their layer; in the middle below
        it if they belong to its attention, which comes before the MLP."""
        depth = self.layer.astype(np.float64)
        depth[self.kind == KINDS.index(Kind.LOGIT)] = np.inf
        depth[self._is_attention] -= ATTENTION_STEP
        return depth

    @property
    def _is_attention(self) -> Bool:
        if not self.feature_type:  # a `.pt` has none
            return np.zeros(len(self), np.bool_)
        return np.array([self.component(i) in ATTENTION_COMPONENTS for i in range(len(self))], np.bool_)

    def count(self, kind: Kind) -> int:
        """The number of nodes of a kind."""
        return int(np.count_nonzero(self.kind == KINDS.index(kind)))


class EdgeBlock(NamedTuple):
    """m edges as columns, (m,) each: ordinals of target and source, and the direct effect of source on target."""

    target: Int32
    source: Int32
    weight: Float64

    @property
    def size(self) -> int:
        """The number of edges in the block."""
        return len(self.weight)


@dataclass(frozen=True)
class ActiveFeatures:
    """All m features that are active on the prompt, in the order of a `.pt`; each array is (m,).

    A graph's feature nodes are a selection of them: `ordinal` is that of the feature's node, `NO_VALUE` if it has none.
    `activation` is empty if the file has only the activations of nodes.
    """

    layer: Int64
    position: Int64
    index: Int64
    activation: Float64
    ordinal: Int64

    def __len__(self) -> int:
        return len(self.layer)


class EdgeExtra(NamedTuple):
    """Further fields of a link, beside source, target and weight, as JSON text. No known producer writes any."""

    target: int
    source: int
    extra: str


class NodeStatistics(NamedTuple):
    """Statistics of the n nodes of an aggregate: see `:Node` in `schema/properties.py`. Both are (n,)."""

    graphs: Int64
    mean_influence: Float64


class EdgeStatistics(NamedTuple):
    """Statistics of the m edges of an aggregate, in their order: see `DIRECT_EFFECT` in `schema/properties.py`. All are
    (m,)."""

    weight_present: Float64
    weight_sd: Float64
    graphs: Int64
    sign_agreement: Float64

    def part(self, begin: int, end: int) -> EdgeStatistics:
        """Those of the edges from place `begin` to `end`."""
        return EdgeStatistics._make(column[begin:end] for column in self)


class Statistics(NamedTuple):
    """Statistics of the nodes and edges of an aggregate."""

    nodes: NodeStatistics
    edges: EdgeStatistics


class Edges(Protocol):
    """Edges in order of target, then source, none of weight 0. They may lie in memory, in a file, or be computed."""

    def __len__(self) -> int: ...

    def blocks(self, size: int) -> Iterator[EdgeBlock]:
        """All edges in blocks of about `size`. A block has all edges of a target, or a part if they are more."""
        ...

    def rows(self, targets: Int32) -> Iterator[EdgeBlock]:
        """The incoming edges of each of `targets`, int32 (m,), in that order: one block for each, which may be
        empty."""
        ...


@dataclass(frozen=True)
class ArrayEdges:
    """Edges as three arrays in memory, sorted by (target, source)."""

    target: Int32
    source: Int32
    weight: Float64

    @classmethod
    def sorted(cls, target: Int32, source: Int32, weight: Float64) -> ArrayEdges:
        """Edges that come in any order, as columns (m,)."""
        order = np.lexsort((source, target))
        return cls(target[order], source[order], weight[order])

    def __len__(self) -> int:
        return len(self.weight)

    def blocks(self, size: int) -> Iterator[EdgeBlock]:
        """See `Edges.blocks`."""
        start = 0
        while start < len(self):
            stop = min(start + size, len(self))
            if stop < len(self):  # end before the target that would be cut, unless it is the only one
                row_start = int(np.searchsorted(self.target, self.target[stop], side="left"))
                stop = row_start if row_start > start else stop
            yield EdgeBlock(self.target[start:stop], self.source[start:stop], self.weight[start:stop])
            start = stop

    def rows(self, targets: Int32) -> Iterator[EdgeBlock]:
        """See `Edges.rows`."""
        first = np.searchsorted(self.target, targets, side="left").tolist()
        last = np.searchsorted(self.target, targets, side="right").tolist()
        for start, stop in zip(first, last, strict=True):
            yield EdgeBlock(self.target[start:stop], self.source[start:stop], self.weight[start:stop])


@dataclass(frozen=True)
class GraphData:
    """An attribution graph, read and checked, not yet stored."""

    metadata: GraphMetadata
    nodes: NodeColumns
    edges: Edges
    supernodes: tuple[Supernode, ...] = ()
    zero_links: int = 0  # links of weight 0 in the file: they mean no effect, so they are counted but not stored
    edge_extras: tuple[EdgeExtra, ...] = ()  # in order of target, then source
    active: ActiveFeatures | None = None  # of a `.pt`, unless the feature nodes are all of them, in the same order
    statistics: Statistics | None = None  # of an aggregate
    sums: bytes | None = None  # of an aggregate that is to be stored: see `Aggregation.state`
