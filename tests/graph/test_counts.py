"""Numbers of paths equal those that brute force counts, beyond 64 bits too, with cycles and without."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import array_edges
from support.paths import random_graphs

from circuit_atlas.graph.counts import as_integers, as_limbs, staged_walk_counts, starting_counts, walk_counts
from circuit_atlas.graph.cycles import cyclic_path_counts, strongly_connected_components
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.stages import stages_of
from circuit_atlas.schema.limits import LIMB, MAX_GRAPH_NODES

HOPS, NODES = 5, 7
PAIRS = st.lists(st.tuples(*[st.integers(0, NODES - 1)] * 2), unique=True, max_size=16)


def brute_force(edges: list[oracle.Edge], starts: list[int], n: int) -> list[list[int]]:
    """By node, the number of paths of 1 to HOPS hops; a path visits no node twice."""
    return [
        list(
            oracle.count_by_hops(
                (path for path in oracle.all_paths(edges, starts, [end], HOPS) if len(set(path[0])) == len(path[0])),
                HOPS,
            ).values()
        )
        for end in range(n)
    ]


@settings(deadline=None)
@given(graph=random_graphs())
def test_paths_of_a_graph_without_cycles(graph: tuple[list[int], list[oracle.Edge]]) -> None:
    layers, edges = graph
    is_start = np.array(layers) == 0
    counts = walk_counts(PackedEdges.of(array_edges(edges), len(layers)), is_start, HOPS)
    assert counts.shape == (HOPS + 1, 3, len(layers))
    expected = brute_force(edges, np.flatnonzero(is_start).tolist(), len(layers))
    assert [as_integers(counts[1:, :, end]) for end in range(len(layers))] == expected
    assert as_integers(counts[0].T) == is_start.astype(int).tolist()


@settings(deadline=None)
@given(
    graph=random_graphs(),
    closed=st.sets(st.integers(0, 23), max_size=3),
    min_weight=st.sampled_from([0.0, 0.5, 1.5]),
    data=st.data(),
)
def test_paths_by_sign_that_pass_groups_of_nodes(
    graph: tuple[list[int], list[oracle.Edge]], closed: set[int], min_weight: float, data: st.DataObject
) -> None:
    """To each node that paths may pass, those that promote it and those that inhibit it."""
    layers, edges = graph
    n, is_start = len(layers), np.array(layers) == 0
    group = st.frozensets(st.sampled_from(range(n)), min_size=1, max_size=3)
    groups = data.draw(st.lists(group, unique=True, max_size=3), label="groups")
    passable = np.array([i not in closed for i in range(n)])
    stages = stages_of(groups, np.arange(n, dtype=np.int32), 64)
    assert stages is not None
    packed_edges = PackedEdges.of(array_edges(edges), n)
    starts = starting_counts(is_start, HOPS, signed=True)
    counts = staged_walk_counts(packed_edges, starts, stages, passable=passable, min_weight=min_weight)[-1]
    open_nodes = np.flatnonzero(passable).tolist()
    expected = np.zeros((HOPS + 1, 2 * n), np.int64)
    for path in oracle.all_paths(
        edges,
        np.flatnonzero(is_start).tolist(),
        open_nodes,
        HOPS,
        passes=lambda i: i not in closed,
        min_weight=min_weight,
    ):
        if all(group & set(path[0]) for group in groups):
            expected[len(path[1]), path[0][-1] + (0 if oracle.promotes(path) else n)] += 1
    assert np.array_equal(counts[1:, 0], expected[1:])


@settings(deadline=None)
@given(pairs=PAIRS, start=st.integers(0, NODES - 1))
def test_paths_of_a_graph_with_cycles(pairs: list[tuple[int, int]], start: int) -> None:
    edges = [(s, t, 1.0) for s, t in pairs]
    is_start = np.arange(NODES) == start
    counts = cyclic_path_counts(array_edges(edges), is_start, HOPS, 100_000)
    assert counts is not None
    assert [as_integers(counts[1:, :, end]) for end in range(NODES)] == brute_force(edges, [start], NODES)


def test_counting_around_cycles_gives_up_after_a_number_of_steps() -> None:
    everybody = [(s, t, 1.0) for s in range(NODES) for t in range(NODES) if s != t]
    assert cyclic_path_counts(array_edges(everybody), np.arange(NODES) == 0, HOPS, 100) is None


@given(pairs=PAIRS)
def test_components_are_the_strongly_connected_ones(pairs: list[tuple[int, int]]) -> None:
    component = strongly_connected_components(array_edges([(s, t, 1.0) for s, t in pairs]), NODES)
    graph = networkx.DiGraph(pairs)
    graph.add_nodes_from(range(NODES))
    expected = {frozenset(nodes) for nodes in networkx.strongly_connected_components(graph) if len(nodes) > 1}
    found = {frozenset(np.flatnonzero(component == root).tolist()) for root in set(component.tolist()) - {-1}}
    assert found == expected


def test_counts_beyond_64_bits() -> None:
    """12 full layers of 50 nodes: 50^11 paths of 11 hops to each node of the last."""
    width, depth = 50, 12
    layers = np.repeat(np.arange(depth), width)
    edges = array_edges(
        (s, t, 1.0) for t in range(len(layers)) for s in range(len(layers)) if layers[t] - layers[s] == 1
    )
    counts = walk_counts(PackedEdges.of(edges, len(layers)), layers == 0, depth)
    assert as_integers(counts[:, :, -1])[depth - 1] == width ** (depth - 1) > 2**62
    assert as_integers(counts[:, :, width])[1] == width


@pytest.mark.parametrize("number", [0, 1, 10**14 - 1, 10**14, 2**63, 10**28 + 7, 50**20])
def test_limbs_hold_any_number(number: int) -> None:
    assert as_integers(as_limbs(number)[None]) == [number]


def test_sums_over_the_inputs_of_a_node_fit() -> None:
    carried = (MAX_GRAPH_NODES * (LIMB - 1)) // LIMB
    assert MAX_GRAPH_NODES * (LIMB - 1) + carried < 2**63
