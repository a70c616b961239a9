"""How alike graphs are, and groups of them: by brute force on random sparse weights."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import squareform

from circuit_atlas.graph.data import ArrayEdges
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.similarity import (
    COSINE,
    JACCARD,
    GraphWeights,
    Rule,
    characteristic,
    chosen_rule,
    leaves,
    mean_between,
    mean_within,
    silhouette,
    similarities,
    similarities_to,
    stabilities,
    tree_of,
    weight_matrix,
)
from circuit_atlas.schema.limits import MEASURES

Graph = dict[int, float]
WEIGHTS = st.sampled_from([-3.0, -1.0, -0.25, 0.0, 0.1, 0.5, 1.0, 2.5])
GRAPHS = st.lists(st.dictionaries(st.integers(0, 12), WEIGHTS, max_size=10), min_size=1, max_size=20)


def row(graph: Graph) -> tuple[Any, Any]:
    return np.array(list(graph), np.int64), np.array(list(graph.values()), np.float64)


def brute(a: Graph, b: Graph, measure: str) -> float:
    keys = a.keys() | b.keys()
    pairs = [(a.get(key, 0.0), b.get(key, 0.0)) for key in keys]
    if measure == COSINE:
        length = math.sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
        return sum(x * y for x, y in pairs) / length if length else 0.0
    smaller = sum(min(abs(x), abs(y)) for x, y in pairs if x * y > 0)
    larger = sum(max(abs(x), abs(y)) if x * y >= 0 else abs(x) + abs(y) for x, y in pairs)
    return smaller / larger if larger else 0.0


@settings(max_examples=50)
@given(GRAPHS, st.sampled_from(MEASURES), st.randoms(use_true_random=False))
def test_similarities_are_those_of_each_pair(graphs: list[Graph], measure: str, random: Any) -> None:
    _, weights = weight_matrix([row(graph) for graph in graphs])
    found = similarities(weights, measure)
    assert (found == found.T).all()
    assert (np.diag(found) == 1).all()
    assert found.max() <= 1
    assert found.min() >= (0 if measure == JACCARD else -1)
    for i, j in combinations(range(len(graphs)), 2):
        assert found[i, j] == pytest.approx(brute(graphs[i], graphs[j], measure), abs=1e-12)
    for i in range(len(graphs)):
        assert similarities_to(weights, i, measure) == pytest.approx(found[i], abs=1e-12)
    order = random.sample(range(len(graphs)), len(graphs))
    _, shuffled = weight_matrix([row(graphs[i]) for i in order])
    assert similarities(shuffled, measure) == pytest.approx(found[np.ix_(order, order)], abs=1e-12)


def test_what_many_have_and_what_few_have_is_compared_alike() -> None:
    """Both ways to add up the smaller weights are taken."""
    random = np.random.default_rng(0)
    graphs = [
        {int(i): float(random.normal()) for i in np.flatnonzero(random.random(300) < np.linspace(0.9, 0.02, 300))}
        for _ in range(40)
    ]
    found = similarities(weight_matrix([row(graph) for graph in graphs])[1], JACCARD)
    for i, j in combinations(range(40), 2):
        assert found[i, j] == pytest.approx(brute(graphs[i], graphs[j], JACCARD), abs=1e-12)


@settings(max_examples=50)
@given(GRAPHS)
def test_a_matrix_has_what_has_a_weight(graphs: list[Graph]) -> None:
    numbers, weights = weight_matrix([(np.repeat(keys, 2), np.repeat(values, 2)) for keys, values in map(row, graphs)])
    assert (weights.data != 0).all()
    assert numbers.tolist() == sorted({key for graph in graphs for key, value in graph.items() if value})
    dense = weights.toarray()
    for i, graph in enumerate(graphs):  # what is given twice is added up
        assert dense[i].tolist() == [2 * graph.get(key, 0.0) for key in numbers.tolist()]


def test_weights_of_features_and_of_effects_between_them() -> None:
    weights = GraphWeights()
    identity = ["feature:1/2@-1", "token:7@-2", "feature:3/4@-1", "feature:1/2@-3"]
    target, source = np.array([2, 2, 2, 3], np.int32), np.array([0, 1, 3, 0], np.int32)
    edges = PackedEdges.of(ArrayEdges(target, source, np.array([2.0, 9.0, -1.0, 4.0])), 4)
    none = np.zeros(0, np.int32)
    no_edges = PackedEdges.of(ArrayEdges(none, none, np.zeros(0)), 2)
    weights.add(identity, np.array([0.1, 0.5, 0.2, 0.3]), edges)
    weights.add(["feature:3/4@-1", "logit:5"], np.array([0.4, 0.0]), no_edges)
    assert weights.features().toarray() == pytest.approx(np.array([[0.1, 0.2, 0.3], [0, 0.4, 0]]))
    assert sorted(weights.edges().toarray()[0]) == [-1.0, 2.0, 4.0]
    assert weights.edges()[[1]].nnz == 0
    keys, anywhere = weights.features_anywhere()
    assert keys == ["feature:1/2", "feature:3/4"]
    assert anywhere.toarray() == pytest.approx(np.array([[0.4, 0.2], [0, 0.4]]))


@st.composite
def random_similarities(draw: st.DrawFn) -> Any:
    n = draw(st.integers(2, 12))
    pairs = draw(st.lists(st.floats(0, 1), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2))
    found = squareform(np.array(pairs))
    np.fill_diagonal(found, 1.0)
    return found


@settings(max_examples=50)
@given(random_similarities(), st.integers(1, 12), st.floats(0, 1))
def test_groups_lie_side_by_side_in_the_tree(similarity: Any, groups: int, threshold: float) -> None:
    tree, n = tree_of(similarity), len(similarity)
    order = leaves(tree)
    assert sorted(order.tolist()) == list(range(n))
    for rule in (Rule(groups=groups), Rule(threshold=threshold), chosen_rule(tree, similarity)):
        group = rule.cut(tree)
        assert group[order].tolist() == sorted(group.tolist())
        assert np.unique(group).tolist() == list(range(group.max() + 1))
        assert -1 <= silhouette(similarity, group) <= 1
    assert Rule(groups=groups).cut(tree).max() < groups
    joined = squareform(cophenet(tree)) <= 1 - threshold + 1e-9
    group = Rule(threshold=threshold).cut(tree)
    assert ((group[:, None] == group) == (joined | np.eye(n, dtype=bool))).all()


def blocks(*sizes: int, within: float = 0.8, between: float = 0.1) -> tuple[Any, Any]:
    """Similarities of graphs in groups, with some noise, and their groups."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(3).normal(0, 0.02, (len(group), len(group)))
    found = np.where(group[:, None] == group, within, between) + (noise + noise.T) / 2
    np.fill_diagonal(found, 1.0)
    return found, group


def test_clear_groups_are_found_and_stable() -> None:
    similarity, group = blocks(5, 8, 4)
    tree = tree_of(similarity)
    rule = chosen_rule(tree, similarity)
    found = rule.cut(tree)
    assert rule == Rule(groups=3)
    assert len({*zip(found.tolist(), group.tolist(), strict=True)}) == 3
    assert stabilities(similarity, found, rule).min() > 0.95
    assert silhouette(similarity, found) > 0.7
    # Half of a group is not found again.
    halves = np.where(np.arange(len(group)) < 3, 3, group)
    assert 0.5 < stabilities(similarity, halves, rule)[3] < 0.75
    assert stabilities(similarity[:2, :2], np.array([0, 1]), Rule(groups=2)).tolist() == [1.0, 1.0]


def test_silhouette_is_that_of_each_graph() -> None:
    similarity, group = blocks(3, 1, 4, within=0.5, between=0.3)
    scores = []
    for i in range(len(group)):
        means = [
            np.mean([1 - similarity[i, j] for j in range(len(group)) if group[j] == g and j != i] or [math.nan])
            for g in range(3)
        ]
        own, other = means[group[i]], min(mean for g, mean in enumerate(means) if g != group[i])
        scores.append(0.0 if group[i] == 1 else (other - own) / max(own, other))
    assert silhouette(similarity, group) == pytest.approx(np.mean(scores))
    assert silhouette(similarity, np.zeros(len(group), np.int64)) == 0


def test_means_and_their_intervals() -> None:
    similarity, group = blocks(12, 20, within=0.6, between=0.2)
    first, second = np.flatnonzero(group == 0), np.flatnonzero(group == 1)
    pairs = [similarity[i, j] for i, j in combinations(first.tolist(), 2)]
    within, between = mean_within(similarity, first), mean_between(similarity, first, second)
    assert within.value == pytest.approx(np.mean(pairs))
    assert between.value == pytest.approx(np.mean([similarity[i, j] for i in first for j in second]))
    for found in (within, between):
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high < found.low + 0.03
    assert mean_within(similarity, first) == within  # drawn with a seed
    # Resampled one after the other, as the text says it.
    random, means = np.random.default_rng(1), []
    for _ in range(2_000):
        drawn = random.choice(first, len(first))
        means.append(np.mean([similarity[i, j] for i in drawn for j in drawn if i != j]))
    assert [within.low, within.high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=2e-3)
    assert mean_within(similarity, first[:1]).value is None
    assert [*mean_within(similarity, first[:2])] == [pytest.approx(similarity[0, 1]), None, None]
    assert mean_between(similarity, first, second[:0]).value is None


@pytest.mark.parametrize(("weight", "inside", "outside"), [(0.1, 5, 1), (0.3, 10, 1), (0.7, 8, 1), (1 / 3, 6, 1)])
def test_what_all_graphs_have_alike_is_not_characteristic(weight: float, inside: int, outside: int) -> None:
    """Although the means are rounded."""
    rows = sparse.csr_array(np.full((inside + outside, 1), weight))
    order, _, _ = characteristic(rows, np.arange(inside + outside) < inside, 3)
    assert len(order) == 0


def test_characteristic_is_what_a_group_has_more_of() -> None:
    _, weights = weight_matrix([row({0: 1.0, 1: 5.0}), row({0: 1.0, 1: 3.0, 2: 1.0}), row({0: 1.0, 3: 9.0})])
    places, mean, rest = characteristic(weights, np.array([True, True, False]), 5)
    assert places.tolist() == [1, 2]
    assert (mean.tolist(), rest.tolist()) == ([1.0, 4.0, 0.5, 0.0], [1.0, 0.0, 0.0, 9.0])
    assert characteristic(weights, np.ones(3, np.bool_), 1)[0].tolist() == [3]


def test_graphs_without_weights_and_graphs_that_are_the_same() -> None:
    _, weights = weight_matrix([row({}), row({1: 1.0, 2: -2.0}), row({}), row({1: 1.0, 2: -2.0})])
    for measure in MEASURES:
        found = similarities(weights, measure)
        assert found == pytest.approx(np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1]]))
        assert Rule(threshold=1.0).cut(tree_of(found))[1] == Rule(threshold=1.0).cut(tree_of(found))[3]
    _, tiny = weight_matrix([row({1: 3e-170, 2: -4e-170}), row({1: 3e-170, 2: -4e-170}), row({1: 1.0})])
    assert similarities(tiny, "cosine") == pytest.approx(np.array([[1, 1, 0.6], [1, 1, 0.6], [0.6, 0.6, 1]]))
    assert weight_matrix([])[1].shape == (0, 0)
    nothing = weight_matrix([row({}), row({})])[1]
    assert similarities_to(nothing, 0, "cosine").tolist() == [1.0, 0.0]
    assert Rule(groups=3).cut(tree_of(np.ones((4, 4)))).tolist() == [0, 0, 0, 0]
    same = np.ones((3, 3))
    assert [Rule(groups=groups).cut(tree_of(same)).tolist() for groups in (2, 3)] == [[0, 0, 0]] * 2
    assert stabilities(same, np.zeros(3, np.int64), Rule(groups=2)).tolist() == [1.0]
