"""Small graphs made up for tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from support import oracle

from circuit_atlas import GraphHandle
from circuit_atlas.graph.data import KINDS, NO_VALUE, ArrayEdges, Edges, Float64, GraphData, NodeColumns
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import GraphMetadata
from circuit_atlas.synth import Shape

IN_SMALL_PT = Shape(layers=3, positions=3, features_per_layer=3, logits=2, density=0.6, seed=1)  # of data/small.pt


def status_of(graph: GraphHandle) -> str:
    """What an ingest did: `ingested`, `unchanged` or `replaced`."""
    assert graph.ingested is not None
    return graph.ingested.status


def edge_list(edges: Edges) -> list[oracle.Edge]:
    """Source, target and weight of all edges, in order."""
    return [
        (source, target, weight)
        for block in edges.blocks(1 << 20)
        for target, source, weight in zip(*(column.tolist() for column in block), strict=True)
    ]


def dense(data: GraphData) -> Float64:
    """The adjacency matrix, `matrix[target, source]`."""
    matrix = np.zeros((len(data.nodes), len(data.nodes)))
    for block in data.edges.blocks(1 << 20):
        matrix[block.target, block.source] = block.weight
    return matrix


def array_edges(edges: Iterable[oracle.Edge]) -> ArrayEdges:
    """Edges as arrays."""
    columns = np.array(list(edges), np.float64).reshape(-1, 3)
    return ArrayEdges.sorted(columns[:, 1].astype(np.int32), columns[:, 0].astype(np.int32), columns[:, 2])


def make_graph(layers: list[int], edges: list[oracle.Edge], *, logit: bool = True) -> GraphData:
    """Nodes of layer 0 are tokens, the last node is a logit (unless not wanted), the rest features."""
    n = len(layers)
    kinds = [Kind.TOKEN if layer == 0 else Kind.FEATURE for layer in layers]
    if logit:
        kinds[-1] = Kind.LOGIT
    place = np.arange(n)
    metadata = GraphMetadata(
        slug="made-up",
        prompt="",
        tokens=[],
        model="test",
        source_set="test",
        n_layers=max(layers) + 1,
        n_pos=n,
        source_format="json",
    )
    nodes = NodeColumns(
        kind=np.array([KINDS.index(kind) for kind in kinds], np.int8),
        layer=np.array(
            [layer if k is Kind.FEATURE else NO_VALUE for layer, k in zip(layers, kinds, strict=True)],
            np.int32,
        ),
        position=place.astype(np.int32),
        index=place.astype(np.int64),
        activation=np.full(n, np.nan),
        probability=np.where([kind is Kind.LOGIT for kind in kinds], 0.5, np.nan),
        cumulative_influence=np.full(n, np.nan),
        token=[f"t{i}" if kind is not Kind.FEATURE else None for i, kind in enumerate(kinds)],
        label=[None] * n,
        source_id=[None] * n,
    )
    return GraphData(metadata, nodes, array_edges(edges))
