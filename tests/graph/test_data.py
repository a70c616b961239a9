"""Nodes as columns, and edges in order of target."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.graphs import array_edges, edge_list, make_graph

from circuit_atlas.graph.data import EdgeBlock
from circuit_atlas.schema.keys import Kind

NODES = 6
EDGES = st.dictionaries(st.tuples(*[st.integers(0, NODES - 1)] * 2), st.sampled_from([-1.0, 0.5, 2.0]), max_size=20)


@given(weights=EDGES, size=st.integers(1, 8))
def test_blocks_are_all_edges_in_order_of_target_and_source(weights: dict[tuple[int, int], float], size: int) -> None:
    edges = array_edges((source, target, weight) for (source, target), weight in weights.items())
    in_order = [(s, t, weights[s, t]) for t, s in sorted((t, s) for s, t in weights)]
    assert len(edges) == len(weights)
    assert edge_list(edges) == in_order
    blocks = list(edges.blocks(size))
    assert [(int(s), int(t)) for block in blocks for t, s in zip(block.target, block.source, strict=True)] == [
        edge[:2] for edge in in_order
    ]
    for block, following in zip(blocks, blocks[1:], strict=False):
        is_larger_row = block.target[0] == block.target[-1]  # then a row goes on in the next block
        assert is_larger_row or block.target[-1] < following.target[0]
        assert block.size <= size


@given(weights=EDGES, targets=st.permutations(range(NODES)))
def test_rows_are_the_inputs_of_each_target(weights: dict[tuple[int, int], float], targets: list[int]) -> None:
    edges = array_edges((source, target, weight) for (source, target), weight in weights.items())
    for target, row in zip(targets, edges.rows(np.array(targets, np.int32)), strict=True):
        assert isinstance(row, EdgeBlock)
        assert set(row.target.tolist()) <= {target}
        inputs = sorted((s, weight) for (s, t), weight in weights.items() if t == target)
        assert list(zip(row.source.tolist(), row.weight.tolist(), strict=True)) == inputs


def test_nodes_have_keys_depths_and_kinds() -> None:
    nodes = make_graph([0, 0, 2, 3], [(0, 2, 1.0)]).nodes
    assert [nodes.key(i) for i in range(4)] == ["token:0", "token:1", "feature:2/2@2", "logit:3@3"]
    assert nodes.depth.tolist() == [-1.0, -1.0, 2.0, np.inf]
    assert [nodes.count(kind) for kind in (Kind.TOKEN, Kind.FEATURE, Kind.LOGIT, Kind.ERROR)] == [2, 1, 1, 0]
    assert not nodes.is_supernode(2)
