"""A stored graph as numpy arrays, for computations outside the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from circuit_atlas.graph.data import ArrayEdges, Bool, Float64, Int32
from circuit_atlas.graph.order import topological_order
from circuit_atlas.queries.ask import ask
from circuit_atlas.schema.batches import pages
from circuit_atlas.schema.keys import Kind

if TYPE_CHECKING:
    from circuit_atlas.database import Database
    from circuit_atlas.queries.edge_value import EdgeValue
    from circuit_atlas.queries.graphs import StoredGraph

_EDGES_PER_PAGE = 500_000


@dataclass(frozen=True)
class StoredArrays:
    """Nodes (n,) in order of ordinal, and edges. `layer` and `position` are -1 where they do not apply."""

    keys: list[str]
    layer: Int32
    position: Int32
    input_sum: Float64
    edges: ArrayEdges

    @cached_property
    def ordinal(self) -> dict[str, int]:
        """Ordinal of each key."""
        return {key: i for i, key in enumerate(self.keys)}

    @cached_property
    def kind(self) -> np.ndarray:
        """Kind of each node, as text."""
        return np.array([key.partition(":")[0] for key in self.keys])

    @cached_property
    def order(self) -> Int32 | None:
        """See `topological_order`."""
        return topological_order(self.edges, np.where(self.kind == Kind.LOGIT, np.inf, self.layer))

    def is_start(self, sources: list[str] | None) -> Bool:
        """Where paths begin, bool (n,): at nodes of these keys, or at all tokens."""
        if sources is None:
            return np.asarray(self.kind == Kind.TOKEN)
        starts = np.zeros(len(self.keys), np.bool_)
        starts[[self.ordinal[key] for key in sources]] = True
        return starts


_last_read: WeakKeyDictionary[Database, tuple[Any, StoredArrays]] = WeakKeyDictionary()  # with version and content


def read_arrays(graph: StoredGraph, *, edge_value: EdgeValue | None = None) -> StoredArrays:
    """The columns of a graph; those of the graph asked for last are kept in memory.

    Args:
        graph: the graph.
        edge_value: what takes the place of the weight.

    Raises:
        InvalidArgumentError: `edge_value` is not a finite number for every edge.
        GraphChangedError: the graph was replaced or deleted while it was read.
    """
    if edge_value is not None:
        return _read(graph, edge_value)
    version = graph.version, graph.properties["content_hash"]
    kept, columns = _last_read.get(graph.database, (None, None))
    if columns is None or kept != version:
        columns = _read(graph, None)
        graph.check_unchanged()
        _last_read[graph.database] = version, columns
    return columns


def _read(graph: StoredGraph, edge_value: EdgeValue | None) -> StoredArrays:
    nodes = ask(graph.database, "nodes.columns", graph=graph.name)[0]
    return StoredArrays(
        nodes["keys"],
        np.array(nodes["layers"], np.int32),
        np.array(nodes["positions"], np.int32),
        np.array(nodes["input_sums"], np.float64),
        _read_edges(graph, edge_value),
    )


def _read_edges(graph: StoredGraph, edge_value: EdgeValue | None) -> ArrayEdges:
    parts = [ArrayEdges(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))]
    for first, stop in pages(graph.properties["nodes"], graph.properties["edges"], _EDGES_PER_PAGE):
        rows = ask(graph.database, "paths.edges", edge_value=edge_value, graph=graph.name, first=first, stop=stop)
        parts.append(ArrayEdges.sorted(*edge_ends(rows), _numbers(rows, edge_value)))
    return ArrayEdges(
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def edge_ends(rows: list[dict[str, Any]]) -> tuple[Int32, Int32]:
    """Ordinals of the targets and sources of edges, each (m,), from rows of one `target` and its `sources`."""
    target = np.repeat(np.array([row["target"] for row in rows], np.int32), [len(row["sources"]) for row in rows])
    source = np.array([source for row in rows for source in row["sources"]], np.int32)
    return target, source


def _numbers(rows: list[dict[str, list[float]]], edge_value: EdgeValue | None) -> Float64:
    if edge_value is not None:
        for row in rows:  # collect() leaves out what is null
            edge_value.check([*row["weights"], *[None] * (len(row["sources"]) - len(row["weights"]))])
    return np.array([value for row in rows for value in row["weights"]], np.float64)
