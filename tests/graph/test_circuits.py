"""Circuits against circuit-tracer's own function, and against their definition."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.examples import NAMES, example_file
from support.graphs import dense, make_graph
from support.paths import random_graphs

from circuit_atlas.graph.circuits import Circuits, CircuitScores
from circuit_atlas.graph.data import KINDS, Bool, Float64, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest import read_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import CIRCUIT_METHODS, CIRCUIT_SCORES


def circuits_of(data: GraphData, *, in_order: bool = True) -> Circuits:
    """The circuits of a graph that account for its logits."""

    def of(kind: Kind) -> Bool:
        return np.asarray(data.nodes.kind == KINDS.index(kind))

    edges = PackedEdges.of(data.edges, len(data.nodes))
    order = topological_order(edges, data.nodes.depth) if in_order else None
    input_sum = compute_influence(data, order).input_sum
    weights = np.nan_to_num(data.nodes.probability)
    return Circuits(edges, order, input_sum, weights, of(Kind.TOKEN), of(Kind.ERROR), of(Kind.LOGIT))


def solved(data: GraphData, circuits: Circuits, chosen: Bool) -> CircuitScores:
    """The scores by their definition: influence solved as linear equations."""
    shares = np.abs(dense(data))
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-10)
    left = circuits.choosable & ~chosen
    shares[left] = 0
    influence = np.linalg.solve((np.eye(len(shares)) - shares).T, circuits.weights @ shares)
    lost = circuits.is_error | left
    tokens, errors = influence[circuits.is_token].sum(), influence[lost].sum()
    importance = influence + circuits.weights
    reached = circuits.weights[circuits.input_sum > 0].sum()
    return CircuitScores(
        1 - influence[left].sum() / reached if reached else None,
        tokens / (tokens + errors) if tokens + errors else None,
        ((1 - shares[:, lost].sum(axis=1)) * importance).sum() / importance.sum(),
    )


def tracers_scores(data: GraphData, circuits: Circuits, chosen: Bool, torch: ModuleType) -> tuple[float, float]:
    """circuit-tracer's `compute_graph_scores` of the matrix of a circuit, in its order of nodes: those left out are
    errors without inputs. It wants as many errors as layers times positions, so more are added that act on nothing."""
    left = circuits.choosable & ~chosen
    matrix = dense(data)
    matrix[left] = 0
    groups = (circuits.choosable & chosen, circuits.is_error | left, circuits.is_token, circuits.is_logit)
    features, errors, tokens, logits = (np.flatnonzero(group) for group in groups)
    n_layers = -(-len(errors) // len(tokens))
    added = n_layers * len(tokens) - len(errors)
    order = [*features, *errors, *range(len(matrix), len(matrix) + added), *tokens, *logits]
    padded = np.pad(matrix, (0, added))[np.ix_(order, order)]
    graph = SimpleNamespace(
        logit_targets=logits,
        input_tokens=tokens,
        selected_features=features,
        cfg=SimpleNamespace(n_layers=n_layers),
        adjacency_matrix=torch.from_numpy(padded),
        logit_probabilities=torch.from_numpy(circuits.weights[logits]),
    )
    torch.set_default_dtype(torch.float64)  # of circuit-tracer's weights of logits
    try:
        scores: tuple[float, float] = importlib.import_module("circuit_tracer.graph").compute_graph_scores(graph)
    finally:
        torch.set_default_dtype(torch.float32)
    return scores


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_circuit_tracers(name: str, torch: ModuleType) -> None:
    data = read_graph(example_file(name))
    circuits = circuits_of(data)
    rng = np.random.default_rng(0)
    for share in (0.0, 0.05, 0.5, 1.0):
        chosen = circuits.choosable & (rng.random(len(data.nodes)) < share)
        found = circuits.score(chosen)
        replacement, completeness = tracers_scores(data, circuits, chosen, torch)
        assert found.replacement == pytest.approx(replacement, rel=1e-9)
        assert found.completeness == pytest.approx(completeness, rel=1e-9)
    whole = compute_influence(data, circuits.order)
    assert circuits.score(circuits.choosable)[1:] == pytest.approx(whole[2:], rel=1e-12)
    assert circuits.score(circuits.choosable).influence == 1.0


@st.composite
def graphs_with_errors(draw: st.DrawFn) -> GraphData:
    """Small graphs in which some features are errors, whose inputs are left out."""
    layers, edges = draw(random_graphs())
    inner = [i for i, layer in enumerate(layers[:-1]) if layer]
    errors = draw(st.sets(st.sampled_from(inner))) if inner else set()
    data = make_graph(layers, [edge for edge in edges if edge[1] not in errors])
    kind = data.nodes.kind.copy()
    kind[sorted(errors)] = KINDS.index(Kind.ERROR)
    return replace(data, nodes=replace(data.nodes, kind=kind))


def chosen_of(circuits: Circuits, bits: int) -> Bool:
    return circuits.choosable & np.array([bits >> i & 1 for i in range(len(circuits.weights))], np.bool_)


def assert_same(found: CircuitScores, expected: CircuitScores) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or one == pytest.approx(other, rel=1e-9, abs=1e-9)


@settings(max_examples=200)
@given(data=graphs_with_errors(), bits=st.integers(0), in_order=st.booleans())
def test_scores_are_those_of_their_definition(data: GraphData, bits: int, in_order: bool) -> None:
    circuits = circuits_of(data, in_order=in_order)
    chosen = chosen_of(circuits, bits)
    assert_same(circuits.score(chosen), solved(data, circuits, chosen))


@given(data=graphs_with_errors(), bits=st.integers(0))
def test_scores_of_any_graph_are_circuit_tracers(torch: ModuleType, data: GraphData, bits: int) -> None:
    circuits = circuits_of(data)
    chosen = chosen_of(circuits, bits)
    found, (replacement, completeness) = circuits.score(chosen), tracers_scores(data, circuits, chosen, torch)
    assert found.completeness == pytest.approx(completeness)
    assert np.isnan(replacement) if found.replacement is None else found.replacement == pytest.approx(replacement)


@settings(max_examples=200)
@given(data=graphs_with_errors(), most=st.integers(1, 6), keep=st.sampled_from(CIRCUIT_SCORES))
def test_a_choice_has_at_most_so_many_nodes(data: GraphData, most: int, keep: str) -> None:
    circuits = circuits_of(data)
    for method in CIRCUIT_METHODS:
        choice = circuits.choose(most, keep, method)
        assert choice.nodes.sum() <= most
        assert not (choice.nodes & ~circuits.choosable).any()
        assert_same(choice.scores, circuits.score(choice.nodes))
        assert (choice.nodes == circuits.choose(most, keep, method).nodes).all()


@settings(max_examples=200)
@given(data=graphs_with_errors(), keep=st.sampled_from(CIRCUIT_SCORES))
def test_the_greedy_choice_of_one_node_is_the_best(data: GraphData, keep: str) -> None:
    circuits = circuits_of(data)
    found = getattr(circuits.choose(1, keep, "greedy").scores, keep)
    singles = [np.arange(len(circuits.weights)) == i for i in np.flatnonzero(circuits.choosable)]
    scores = [getattr(circuits.score(single), keep) for single in singles]
    best = max((score for score in scores if score is not None), default=found)
    assert found is None or found == pytest.approx(max(best, found), abs=1e-9)


@given(data=graphs_with_errors())
def test_with_all_nodes_the_greedy_choice_keeps_all_influence(data: GraphData) -> None:
    circuits = circuits_of(data)
    whole = circuits.score(circuits.choosable).influence
    found = circuits.choose(len(circuits.weights), "influence", "greedy").scores.influence
    assert found == whole if whole is None else found == pytest.approx(whole)


@given(data=graphs_with_errors(), bits=st.integers(0), more=st.integers(0))
def test_a_node_more_never_keeps_less_influence(data: GraphData, bits: int, more: int) -> None:
    circuits = circuits_of(data)
    small, large = (circuits.score(chosen_of(circuits, which)).influence for which in (bits, bits | more))
    assert small is None or (large is not None and large >= small - 1e-12)


@pytest.mark.parametrize("keep", CIRCUIT_SCORES)
@pytest.mark.parametrize("name", ["dallas", "dallas-haiku", "night"])
def test_the_greedy_choice_adds_the_best_node_each_time(name: str, keep: str) -> None:
    """What each node would bring is as scores of all circuits with one node more have it."""
    circuits = circuits_of(read_graph(example_file(name)))
    first = circuits.choose(4, keep, "greedy").nodes
    scores = [getattr(circuits.score(first), keep)]
    rest = np.flatnonzero(circuits.choosable & ~first)
    for node in rest.tolist():
        more = first.copy()
        more[node] = True
        scores.append(getattr(circuits.score(more), keep))
    assert getattr(circuits.choose(5, keep, "greedy").scores, keep) == pytest.approx(max(scores), rel=1e-12)


def test_a_cycle_is_gone_round() -> None:
    """Two features that act on each other, as in a collapsed graph."""
    edges: list[oracle.Edge] = [(0, 1, 1.0), (2, 1, 1.0), (1, 2, 1.0), (0, 2, 3.0), (2, 3, 1.0), (1, 3, 1.0)]
    data = make_graph([0, 1, 2, 3], edges)
    circuits = circuits_of(data, in_order=False)
    for bits in range(16):
        chosen = chosen_of(circuits, bits)
        assert_same(circuits.score(chosen), solved(data, circuits, chosen))
    for keep in CIRCUIT_SCORES:
        for method in CIRCUIT_METHODS:
            choice = circuits.choose(2, keep, method)
            assert_same(choice.scores, solved(data, circuits, choice.nodes))
    growing = circuits.choose(2, "influence", "greedy").scores
    assert growing.influence == pytest.approx(1.0)


def test_paths_are_taken_while_they_fit() -> None:
    """The best path is 0-1-4 (3/4 of 1), then 0-2-3-4; the second brings two nodes, so it needs room for three."""
    data = make_graph([0, 1, 1, 2, 3], [(0, 1, 1.0), (0, 2, 1.0), (2, 3, 1.0), (1, 4, 3.0), (3, 4, 1.0)])
    circuits = circuits_of(data)
    found = [circuits.choose(most, "influence", "paths").nodes.nonzero()[0].tolist() for most in (1, 2, 3)]
    assert found == [[1], [1], [1, 2, 3]]


def weights_of(circuits: Circuits, node: int) -> Float64:
    weights = np.zeros_like(circuits.weights)
    weights[node] = 1.0
    return weights


def test_a_target_belongs_to_every_circuit() -> None:
    data = make_graph([0, 1, 2, 3], [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (2, 3, 1.0)])
    circuits = circuits_of(data)
    on_feature = replace(circuits, weights=weights_of(circuits, 2))
    assert on_feature.choosable.tolist() == [False, True, False, False]
    assert on_feature.score(np.zeros(4, np.bool_)) == pytest.approx((0.5, 0.5, 0.75))


def test_paths_do_not_wander_around_cycles() -> None:
    """Fifteen nodes act on each other and lead to no token but by the node that they come from."""
    ring = list(range(2, 17))
    edges = [(0, 1, 1.0), (1, 17, 1.0), *((a, b, 1.0) for a in ring for b in ring if a != b)]
    edges += [edge for node in ring for edge in ((1, node, 0.3), (node, 1, 0.3))]
    circuits = circuits_of(make_graph([0, *[1] * 16, 2], edges))
    assert circuits.order is None
    assert np.flatnonzero(circuits.choose(10, "influence", "paths").nodes).tolist() == [1]


def test_greedily_with_many_logits() -> None:
    """All logits are targets; a row and a column for each would take 16 GB."""
    n = 30_000
    edges = [(0, 1, 1.0), (0, 2, 1.0), *((1 + i % 2, 3 + i, 1.0 + i % 2) for i in range(n))]
    circuits = circuits_of(make_graph([0, 1, 1, *[2] * (n - 1), 2], edges))
    fixed = replace(circuits, weights=np.where(np.arange(n + 3) > 2, 1 / n, 0.0), is_logit=np.arange(n + 3) > 2)
    chosen = fixed.choose(1, "influence", "greedy")
    assert chosen.scores.influence == pytest.approx(0.5)
    assert chosen.nodes.sum() == 1
