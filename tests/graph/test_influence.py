"""Influence by its definition, w A + w A^2 + ..., solved as linear equations. test_influence.py of this folder's
parent compares it with circuit-tracer's own functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import make_graph
from support.paths import random_graphs

from circuit_atlas.graph.data import KINDS, Float64, GraphData
from circuit_atlas.graph.influence import compute_influence, node_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.schema.keys import Kind


def solved(data: GraphData, weights: Float64) -> Float64:
    """w A + w A^2 + ... = w A (1 - A)^-1."""
    n = len(data.nodes)
    shares = np.zeros((n, n))
    for block in data.edges.blocks(1 << 20):
        shares[block.target, block.source] = np.abs(block.weight)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-10)
    return np.linalg.solve((np.eye(n) - shares).T, weights @ shares).astype(np.float64)


@settings(deadline=None)
@given(graph=random_graphs(), in_order=st.booleans())
def test_influence_is_that_of_its_definition(graph: tuple[list[int], list[oracle.Edge]], in_order: bool) -> None:
    data = make_graph(*graph)
    order = topological_order(data.edges, data.nodes.depth) if in_order else None
    weights = np.nan_to_num(data.nodes.probability)
    found = compute_influence(data, order)
    np.testing.assert_allclose(found.influence, solved(data, weights), rtol=1e-9, atol=1e-12)
    sums = oracle.input_sums(graph[1])
    assert found.input_sum.tolist() == pytest.approx([sums[i] for i in range(len(data.nodes))])


def test_influence_on_chosen_nodes() -> None:
    data = make_graph([0, 1, 1, 2, 3], [(0, 1, 2.0), (0, 2, -1.0), (1, 3, 1.0), (2, 3, 3.0), (3, 4, 1.0)])
    weights = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    order = topological_order(data.edges, data.nodes.depth)
    input_sum = compute_influence(data, order).input_sum
    found = node_influence(data.edges, order, input_sum, weights)
    assert found is not None
    assert found.tolist() == [1.0, 0.25, 0.75, 0.0, 0.0]


def test_influence_sums_up_around_a_cycle() -> None:
    data = make_graph([0, 1, 2, 3], [(0, 1, 1.0), (1, 2, 1.0), (2, 1, 1.0), (2, 3, 1.0)])
    weights = np.nan_to_num(data.nodes.probability)
    assert topological_order(data.edges, data.nodes.depth) is None
    found = compute_influence(data, None)
    np.testing.assert_allclose(found.influence, solved(data, weights), rtol=1e-9)


def test_a_cycle_that_nothing_leads_out_of_has_no_influence() -> None:
    data = make_graph([1, 2, 3], [(0, 1, 1.0), (1, 0, 1.0), (1, 2, 1.0)])
    weights = np.nan_to_num(data.nodes.probability)
    assert node_influence(data.edges, None, compute_influence(data, None).input_sum, weights) is None
    assert compute_influence(data, None).completeness_score is None


def test_scores_are_shares_of_what_is_explained() -> None:
    """A logit of inputs 3 from a token and 1 from an error: three quarters are explained."""
    data = make_graph([0, 1, 2], [(0, 2, 3.0), (1, 2, 1.0)])
    kind = data.nodes.kind.copy()
    kind[1] = KINDS.index(Kind.ERROR)
    data = replace(data, nodes=replace(data.nodes, kind=kind))
    found = compute_influence(data, topological_order(data.edges, data.nodes.depth))
    assert found.replacement_score == pytest.approx(0.75)
    # explained: the logit 3/4 of 0.5; token and error, without inputs, as if all were: 0.5 of 0.5 in all
    assert found.completeness_score == pytest.approx((0.5 * 0.75 + 0.5) / (0.5 + 0.5))


def test_without_logits_there_are_no_scores() -> None:
    data = make_graph([0, 1], [(0, 1, 2.0)], logit=False)
    found = compute_influence(data, topological_order(data.edges, data.nodes.depth))
    assert (found.replacement_score, found.completeness_score) == (None, None)
    assert found.influence.tolist() == [0.0, 0.0]
    assert found.input_sum.tolist() == [0.0, 2.0]
