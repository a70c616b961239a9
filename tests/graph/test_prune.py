"""Pruning a graph in memory, compared with circuit-tracer's own `prune_graph`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.graphs import dense, make_graph

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.graph.prune import kept_supernodes, prune
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Supernode
from circuit_atlas.synth import Shape, synthesize

SHAPES = st.builds(
    Shape,
    layers=st.integers(1, 6),
    positions=st.integers(1, 5),
    features_per_layer=st.integers(0, 12),
    logits=st.integers(1, 3),
    density=st.sampled_from([0.1, 0.3, 1.0]),
    seed=st.integers(0, 1_000),
)
SHARES = st.floats(0, 0.9999)


@pytest.fixture(scope="module")
def tracer(torch: ModuleType) -> Iterator[ModuleType]:
    """circuit-tracer's functions of graphs, computing in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield importlib.import_module("circuit_tracer.graph")
    torch.set_default_dtype(before)


def graph_of(data: GraphData, torch: ModuleType) -> Any:
    """The fields that `prune_graph` reads."""
    count = data.nodes.count
    return SimpleNamespace(
        adjacency_matrix=torch.from_numpy(dense(data)),
        input_tokens=range(count(Kind.TOKEN)),
        logit_targets=range(count(Kind.LOGIT)),
        selected_features=range(count(Kind.FEATURE)),
        logit_probabilities=torch.from_numpy(data.nodes.probability[-count(Kind.LOGIT) :]),
    )


def is_clear(scores: Any, threshold: float, tracer: ModuleType) -> bool:
    """Whether rounding cannot decide what is kept: no two scores are the least one, and none ends at the threshold."""
    found = np.sort(scores.numpy().ravel())[::-1]
    cumulative = np.cumsum(found) / max(found.sum(), 1e-300)
    least = tracer.find_threshold(scores.flatten(), threshold).item()
    return (
        least > 0
        and int(np.sum(np.abs(found - least) <= 1e-9 * least)) == 1
        and bool((np.abs(cumulative - threshold) > 1e-9).all())
    )


def keys(data: GraphData) -> list[str]:
    return [data.nodes.key(i) for i in range(len(data.nodes))]


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, node_threshold=SHARES, edge_threshold=SHARES)
@example(shape=Shape(layers=4, positions=3, features_per_layer=9, seed=7), node_threshold=0.8, edge_threshold=0.5)
def test_what_is_kept_is_what_circuit_tracer_keeps(
    shape: Shape, node_threshold: float, edge_threshold: float, tracer: ModuleType, torch: ModuleType
) -> None:
    data = synthesize(shape)
    graph = graph_of(data, torch)
    weights = torch.from_numpy(np.nan_to_num(data.nodes.probability))
    assume(is_clear(tracer.compute_node_influence(graph.adjacency_matrix, weights), node_threshold, tracer))
    nodes = tracer.compute_node_influence(graph.adjacency_matrix, weights)
    strong = nodes >= tracer.find_threshold(nodes, node_threshold)
    strong[-len(graph.logit_targets) - len(graph.input_tokens) :] = True
    inner = graph.adjacency_matrix * strong[:, None] * strong[None, :]
    assume(is_clear(tracer.compute_edge_influence(inner, weights), edge_threshold, tracer))
    node_mask, edge_mask, cumulative = (
        part.numpy() for part in tracer.prune_graph(graph, node_threshold, edge_threshold)
    )
    found = prune(data, node_threshold, edge_threshold)
    kept = np.flatnonzero(node_mask)
    assert keys(found) == [data.nodes.key(i) for i in kept.tolist()]
    expected = np.where(edge_mask, dense(data), 0)[np.ix_(kept, kept)]
    np.testing.assert_array_equal(dense(found), expected)
    # Nodes of equal influence come in any order.
    ranked = np.array([int(np.sum(np.isclose(nodes, value, rtol=1e-9, atol=0))) == 1 for value in nodes.tolist()])
    cumulative[~ranked | ~np.isnan(data.nodes.probability)] = np.nan
    actual = np.where(ranked[kept], found.nodes.cumulative_influence, np.nan)
    np.testing.assert_allclose(actual, cumulative[kept], rtol=1e-12)
    assert (found.metadata.node_threshold, found.metadata.edge_threshold) == (node_threshold, edge_threshold)


def test_a_share_of_one_keeps_everything() -> None:
    data = synthesize(Shape(layers=4, positions=3, features_per_layer=9, density=0.4, seed=3))
    found = prune(data, 1.0, 1.0)
    assert keys(found) == keys(data)
    np.testing.assert_array_equal(dense(found), dense(data))


def test_a_graph_without_effects_keeps_its_nodes() -> None:
    data = synthesize(Shape(layers=2, positions=2, features_per_layer=3, density=0.0))
    found = prune(data, 0.5, 0.5)
    assert keys(found) == keys(data)
    assert np.isnan(found.nodes.cumulative_influence).all()


def test_a_feature_without_inputs_and_what_it_leads_to_are_left_out() -> None:
    """1 -> 2 -> 4 is strong, but nothing acts on 1, so that 2 has no input either. What is left is 0 -> 3 -> 4."""
    data = make_graph([0, 1, 2, 1, 3], [(1, 2, 5.0), (2, 4, 5.0), (0, 3, 1.0), (3, 4, 1.0)])
    found = prune(data, 0.999, 0.999)
    assert found.nodes.position.tolist() == [0, 3, 4]
    assert dense(found).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


def test_a_graph_that_cannot_be_pruned_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be pruned: it has no logits"):
        prune(make_graph([0, 1], [(0, 1, 1.0)], logit=False), 0.8, 0.98)
    cycle = make_graph([0, 1, 2, 3], [(1, 2, 1.0), (2, 1, 1.0), (2, 3, 1.0)])
    with pytest.raises(InvalidArgumentError, match="does not converge around a cycle"):
        prune(cycle, 0.8, 0.98)


def test_supernodes_are_kept_with_the_nodes() -> None:
    groups = (Supernode(name="a", members=(1, 4, 5)), Supernode(name="b", members=(0,)))
    assert kept_supernodes(groups, [5, 2, 4]) == (Supernode(name="a", members=(0, 2)),)
    data = make_graph([0, 1, 1, 2], [(0, 1, 9.0), (0, 2, 1.0), (1, 3, 9.0), (2, 3, 1.0)])
    found = prune(replace(data, supernodes=(Supernode(name="both", members=(1, 2)),)), 0.9, 0.9)
    assert found.supernodes == (Supernode(name="both", members=(1,)),)
