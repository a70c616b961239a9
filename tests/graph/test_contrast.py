"""A weighted sum of nodes as one node more: its effects, the best paths to it and the influence on it equal brute
force, and it is what circuit-tracer attributes to the same direction."""

from __future__ import annotations

from collections import defaultdict
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import array_edges, make_graph
from support.paths import SCORES, random_graphs

from circuit_atlas.graph.best_paths import PathFinder
from circuit_atlas.graph.bounds import best_values, semiring, signed, token_starts
from circuit_atlas.graph.contrast import with_sum_of
from circuit_atlas.graph.data import Float64
from circuit_atlas.graph.influence import node_influence
from circuit_atlas.graph.packed import PackedEdges

if TYPE_CHECKING:
    from circuit_tracer import Graph, ReplacementModel

HOPS = 5
Drawn = tuple[list[int], list[oracle.Edge]]


def summed(edges: list[oracle.Edge], parts: dict[int, float], node: int) -> list[oracle.Edge]:
    """The edges on a weighted sum of nodes."""
    sums: dict[int, float] = defaultdict(float)
    for source, target, weight in edges:
        sums[source] += parts.get(target, 0.0) * weight
    return [(source, node, weight) for source, weight in sorted(sums.items()) if weight]


def packed_with(graph: Drawn, parts: dict[int, float]) -> tuple[PackedEdges, list[oracle.Edge]]:
    """The edges with those of a sum, as the program makes them and as brute force does."""
    layers, edges = graph
    packed = PackedEdges.of(make_graph(layers, edges).edges, len(layers))
    return with_sum_of(packed, parts), edges + summed(edges, parts, len(layers))


parts_of = st.dictionaries(st.integers(0, 40), st.sampled_from([1.0, -1.0, 0.5, -0.5, 3.0]), min_size=1, max_size=4)


@settings(deadline=None)
@given(graph=random_graphs(), drawn=parts_of)
def test_effects_on_a_sum_are_the_sums_of_effects(graph: Drawn, drawn: dict[int, float]) -> None:
    n = len(graph[0])
    found, expected = packed_with(graph, {i % n: weight for i, weight in drawn.items()})
    columns = found.as_arrays()
    edges = sorted(zip(columns.target.tolist(), columns.source.tolist(), columns.weight.tolist(), strict=True))
    assert edges == sorted((target, source, weight) for source, target, weight in expected)
    assert len(found.inputs) == n + 1


@settings(deadline=None)
@given(
    graph=random_graphs(),
    drawn=parts_of,
    k=st.integers(1, 40),
    score=st.sampled_from(SCORES),
    order=st.sampled_from([1, -1]),
    effect=st.sampled_from([0, 1, -1]),
    min_weight=st.sampled_from([0.0, 0.75]),
)
def test_the_best_paths_to_a_sum_equal_brute_force(
    graph: Drawn, drawn: dict[int, float], k: int, score: str, order: int, effect: int, min_weight: float
) -> None:
    n, order = len(graph[0]), 1 if score == "product" else order
    found, edges = packed_with(graph, {i % n: weight for i, weight in drawn.items()})
    sums = oracle.input_sums(edges)
    input_sums = np.array([sums[i] for i in range(n + 1)])
    rules = semiring(score, order)
    tokens = [i for i, layer in enumerate(graph[0]) if layer == 0]
    starts = token_starts(np.isin(np.arange(n + 1), tokens), rules, HOPS)
    begun = signed(starts) if effect else starts
    table = best_values(found, begun, rules, input_sums=input_sums, min_weight=min_weight)
    finder = PathFinder(found, [table], [{}], rules, score == "mean", input_sums, min_weight=min_weight)
    paths = finder.best([n], k, min_hops=1, inhibits=effect < 0)
    value = oracle.scorer(score, sums)
    expected = [
        path
        for path in oracle.all_paths(edges, tokens, [n], HOPS, min_weight=min_weight)
        if not effect or oracle.promotes(path) == (effect > 0)
    ]
    if score == "product":
        sizes = sorted((abs(value(path)) for path in expected), reverse=True)[:k]
        assert [np.exp(path.value) for path in paths] == pytest.approx(sizes)
    else:
        best = oracle.best_paths(expected, k, order, value)
        assert [(path.nodes, path.weights) for path in paths] == [(list(nodes), weights) for _, nodes, weights in best]


@settings(deadline=None)
@given(graph=random_graphs(), drawn=parts_of)
def test_influence_on_a_sum_is_that_of_its_definition(graph: Drawn, drawn: dict[int, float]) -> None:
    n = len(graph[0])
    found, edges = packed_with(graph, {i % n: weight for i, weight in drawn.items()})
    shares = np.zeros((n + 1, n + 1))
    for source, target, weight in edges:
        shares[target, source] = abs(weight)
    input_sums = shares.sum(axis=1)
    shares /= np.maximum(input_sums[:, None], 1e-10)
    on_sum = np.eye(n + 1)[n]
    influence = node_influence(found, None, input_sums, on_sum)
    assert influence is not None
    expected = np.linalg.solve((np.eye(n + 1) - shares).T, on_sum @ shares)
    np.testing.assert_allclose(influence, expected, rtol=1e-9, atol=1e-12)


def test_a_sum_of_effects_in_float32_is_exact() -> None:
    """Stored weights are float32 where that is exact; a difference of two need not be a float32."""
    big, small = 1.0, float(np.float32(2.0**-30))
    edges = PackedEdges.of(make_graph([0, 1, 1], [(0, 1, big), (0, 2, small)]).edges, 3)
    assert edges.weight.dtype == np.float32
    assert with_sum_of(edges, {1: 1.0, 2: -1.0}).weight.tolist() == [big, small, big - small]


def packed_matrix(matrix: Float64) -> PackedEdges:
    """The edges of an adjacency matrix, `matrix[target, source]`."""
    n = len(matrix)
    target, source = np.nonzero(matrix)
    edges = list(zip(source.tolist(), target.tolist(), matrix[target, source].tolist(), strict=True))
    return PackedEdges.of(array_edges(edges), n)


def influence_on_the_last(edges: PackedEdges) -> Float64:
    input_sum = np.array(
        [float(np.abs(row.weight).sum()) for row in edges.rows(np.arange(len(edges.inputs), dtype=np.int32))]
    )
    found = node_influence(edges, None, input_sum, np.eye(len(input_sum))[-1])
    assert found is not None
    return found


def test_it_is_the_graph_attributed_to_the_direction(
    torch: ModuleType, model: ReplacementModel, small_model: ModuleType
) -> None:
    """circuit-tracer attributes to two logits, and to a direction that is a weighted difference of theirs."""
    from circuit_tracer.attribution.targets import CustomTarget

    names, weights = ("Austin", "Oakland"), (1.0, -0.75)
    unembedding = model.unembed.W_U.detach()
    ids = [small_model.WORDS.index(name) for name in names]
    if unembedding.shape[0] == len(small_model.WORDS):
        unembedding = unembedding.T
    centred = unembedding - unembedding.mean(dim=1, keepdim=True)
    direction = sum(weight * centred[:, i] for weight, i in zip(weights, ids, strict=True))
    targets = [CustomTarget("difference", 1.0, direction)]

    def matrix(graph: Graph) -> tuple[Float64, int]:
        whole = graph.adjacency_matrix.to(torch.float64).numpy()
        return whole, len(graph.logit_targets)

    apart, two = matrix(small_model.attribute_prompt(model, attribution_targets=list(names)))
    together, one = matrix(small_model.attribute_prompt(model, attribution_targets=targets))
    assert (two, one) == (2, 1)
    n = len(apart) - 2  # nodes that are not targets, the same in both graphs
    edges = with_sum_of(packed_matrix(apart), {n: weights[0], n + 1: weights[1]})
    row = next(edges.rows(np.array([n + 2], np.int32)))
    found = np.zeros(n)
    found[row.source] = row.weight
    np.testing.assert_allclose(found, together[n, :n], rtol=1e-4, atol=1e-5)
    assert np.abs(found).max() > 0.1
    of_sum = influence_on_the_last(edges)[:n]
    np.testing.assert_allclose(of_sum, influence_on_the_last(packed_matrix(together))[:n], rtol=1e-3, atol=1e-6)
    assert of_sum.sum() > 1


def test_what_is_left_by_rounding_is_no_effect() -> None:
    edges = PackedEdges.of(array_edges([(0, 1, 0.1), (0, 2, 0.2), (0, 3, 0.3)]), 4)
    found = with_sum_of(edges, {1: 1.0, 2: 1.0, 3: -1.0})
    assert 0.1 + 0.2 - 0.3 != 0
    assert found.inputs.tolist() == [0, 1, 1, 1, 0]
