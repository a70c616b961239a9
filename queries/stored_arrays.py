"""A stored graph as numpy arrays, for computations outside the database."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from circuit_atlas.graph.contrast import with_sum_of
from circuit_atlas.graph.data import Bool, Float64, Int32
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges, placed, shortest
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.contrast import cancels
from circuit_atlas.queries.edge_value_arrays import edge_values
from circuit_atlas.queries.stored_edges import read_edges
from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, ATTENTION_STEP, Kind, component_of
from circuit_atlas.schema.limits import MAX_WEIGHT

if TYPE_CHECKING:
    from circuit_atlas.database import Database
    from circuit_atlas.queries.contrast_results import Contrast
    from circuit_atlas.queries.edge_value import EdgeValue
    from circuit_atlas.queries.graphs import StoredGraph


@dataclass(frozen=True)
class StoredArrays:
    """Nodes (n,) in order of ordinal, and edges. `layer` and `position` are -1 where they do not apply."""

    keys: list[str]
    layer: Int32
    position: Int32
    input_sum: Float64
    edges: PackedEdges

    @cached_property
    def ordinal(self) -> dict[str, int]:
        """Ordinal of each key."""
        return {key: i for i, key in enumerate(self.keys)}

    @cached_property
    def kind(self) -> np.ndarray:
        """Kind of each node, as text (n,)."""
        return np.array([key.partition(":")[0] for key in self.keys])

    @cached_property
    def depth(self) -> Float64:
        """Height of each node in the model, float64 (n,), see `NodeColumns.depth`."""
        is_attention = np.array([component_of(key) in ATTENTION_COMPONENTS for key in self.keys], np.bool_)
        return np.where(self.kind == Kind.LOGIT, np.inf, self.layer - ATTENTION_STEP * is_attention)

    @cached_property
    def order(self) -> Int32 | None:
        """See `topological_order`."""
        return topological_order(self.edges, self.depth)

    def is_start(self, sources: list[str] | None) -> Bool:
        """Where paths begin, bool (n,): at nodes of these keys, or at all tokens."""
        if sources is None:
            return np.asarray(self.kind == Kind.TOKEN)
        starts = np.zeros(len(self.keys), np.bool_)
        starts[[self.ordinal[key] for key in sources]] = True
        return starts


_BLOCK = 1 << 18  # edges
_last_read: WeakKeyDictionary[Database, tuple[Any, StoredArrays]] = WeakKeyDictionary()  # with version and content


def read_arrays(
    graph: StoredGraph, *, edge_value: EdgeValue | None = None, contrast: Contrast | None = None
) -> StoredArrays:
    """The columns of a graph; those of the graph asked for last are kept in memory.

    Args:
        graph: the graph.
        edge_value: what path scores take instead of the weight; see `PackedEdges.scored`.
        contrast: becomes one node more, the last.

    Raises:
        InvalidArgumentError: `edge_value` is not a finite number for every edge, or the parts of the contrast cancel.
        GraphChangedError: the graph was replaced or deleted while it was read.
    """
    version = graph.version, graph.properties["content_hash"]
    kept, columns = _last_read.get(graph.database, (None, None))
    if columns is None or kept != version:
        columns = _read(graph)
        graph.check_unchanged()
        _last_read[graph.database] = version, columns
    if contrast is not None:
        columns = _with_contrast(graph, columns, contrast)
    return columns if edge_value is None else replace(columns, edges=_valued(graph, columns, edge_value))


def _read(graph: StoredGraph) -> StoredArrays:
    nodes = ask(graph.database, "nodes.columns", graph=graph.name)[0]
    return StoredArrays(
        nodes["keys"],
        np.array(nodes["layers"], np.int32),
        np.array(nodes["positions"], np.int32),
        np.array(nodes["input_sums"], np.float64),
        read_edges(graph).edges,
    )


def _with_contrast(graph: StoredGraph, columns: StoredArrays, contrast: Contrast) -> StoredArrays:
    """The columns with the node of a contrast."""
    parts = {columns.ordinal[part.node.key]: part.weight for part in contrast.parts}
    edges = with_sum_of(columns.edges, parts)
    effects = edges.weight[len(columns.edges) :]
    if not len(effects):
        raise cancels(graph, contrast)
    return StoredArrays(
        [*columns.keys, contrast.node.key],
        np.append(columns.layer, columns.layer.max() + 1).astype(np.int32),  # above all others, for `order`
        np.append(columns.position, -1).astype(np.int32),
        np.append(columns.input_sum, np.abs(effects).sum()),
        edges,
    )


def _valued(graph: StoredGraph, columns: StoredArrays, edge_value: EdgeValue) -> PackedEdges:
    """The edges, scored by an expression."""
    ends = {name: name.split(".") for name in edge_value.names if "." in name}
    wanted = sorted({prop for _, prop in ends.values()} - {"kind"})
    rows = ask(graph.database, "nodes.values", graph=graph.name, names=wanted) if wanted else []
    beyond = [math.nan] * (len(columns.keys) - graph.properties["nodes"])  # the node of a contrast has no properties
    numbers = {row["name"]: np.array([*row["values"], *beyond], np.float64) for row in rows} | {"kind": columns.kind}
    scored, done = np.zeros(len(columns.edges), np.float32), 0
    for block in columns.edges.blocks(_BLOCK):
        at = {"source": block.source, "target": block.target}
        given = {"weight": block.weight, "input_sum": columns.input_sum[block.target]}
        given |= {name: numbers[prop][at[end]] for name, (end, prop) in ends.items()}
        found, known = edge_values(edge_value, given)
        if not (np.abs(found) <= MAX_WEIGHT).all():
            edge_value.check(value if is_known else None for value, is_known in zip(found, known, strict=True))
        scored = placed(scored, done, shortest(found))
        done += block.size
    return replace(columns.edges, scored=scored)
