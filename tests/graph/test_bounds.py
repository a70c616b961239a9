"""Bounds of paths equal the best path that brute force finds, of every score and under every restriction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import array_edges, edge_list, make_graph
from support.paths import SCORES, random_graphs

from circuit_atlas.graph import packed
from circuit_atlas.graph.bounds import best_through, best_values, path_tables, semiring, signed, token_starts
from circuit_atlas.graph.data import Bool, Float64, GraphData, Int32
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.stages import Stages, stages_of
from circuit_atlas.schema.limits import SHORTLIST_FROM, SHORTLISTED_PATHS
from circuit_atlas.synth import Shape, synthesize

HOPS = 5


def value_of(score: str, sign: int, sums: dict[int, float], path: oracle.FoundPath) -> float:
    """What the bounds of a score are bounds of: a sum, a smallest weight, or the logarithm of a product."""
    if score == "product":
        return math.log(oracle.scorer(score, sums)(path))
    signed = (path[0], [sign * weight for weight in path[1]])
    return oracle.scorer("bottleneck" if score == "bottleneck" else "sum", sums)(signed)


def input_sums(data: GraphData) -> Float64:
    sums = oracle.input_sums(edge_list(data.edges))
    return np.array([sums[i] for i in range(len(data.nodes))])


def order_of(data: GraphData) -> Int32:
    order = topological_order(data.edges, data.nodes.depth)
    assert order is not None
    return order


def tokens(layers: list[int]) -> list[int]:
    return [i for i, layer in enumerate(layers) if layer == 0]


def is_token(layers: list[int]) -> Bool:
    return np.array([layer == 0 for layer in layers])


def assert_bounds(found: Float64, expected: dict[tuple[int, int], float], n: int) -> None:
    """By number of hops and node; where there is no path, -inf."""
    wanted = np.full((HOPS + 1, n), -np.inf)
    for (hops, node), value in expected.items():
        wanted[hops, node] = value
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@settings(deadline=None)
@given(
    graph=random_graphs(),
    score=st.sampled_from(SCORES),
    sign=st.sampled_from([1, -1]),
    closed=st.sets(st.integers(0, 23), max_size=3),
    min_weight=st.sampled_from([0.0, 0.5, 1.5]),
)
def test_bounds_are_the_best_values_of_paths(
    graph: tuple[list[int], list[oracle.Edge]],
    score: str,
    sign: int,
    closed: set[int],
    min_weight: float,
) -> None:
    """From any token to every node, for every number of hops."""
    layers, edges = graph
    data, n = make_graph(layers, edges), len(layers)
    rules = semiring(score, sign)
    found = best_values(
        PackedEdges.of(data.edges, n),
        token_starts(is_token(layers), rules, HOPS),
        rules,
        input_sums=input_sums(data),
        passable=np.array([i not in closed for i in range(n)]),
        min_weight=min_weight,
    )
    sums = oracle.input_sums(edges)
    expected: dict[tuple[int, int], float] = {(0, token): rules.start for token in tokens(layers)}
    open_nodes = [i for i in range(n) if i not in closed]
    for path in oracle.all_paths(
        edges, tokens(layers), open_nodes, HOPS, passes=lambda i: i not in closed, min_weight=min_weight
    ):
        place = len(path[1]), path[0][-1]
        expected[place] = max(expected.get(place, -math.inf), value_of(score, sign, sums, path))
    assert_bounds(found, expected, n)


@settings(deadline=None)
@given(graph=random_graphs(), score=st.sampled_from(SCORES), part=st.integers(1, 9))
def test_target_by_target_and_hop_by_hop_they_are_the_same(
    graph: tuple[list[int], list[oracle.Edge]], score: str, part: int
) -> None:
    """However many edges are looked at together."""
    layers, edges = graph
    data, rules = make_graph(layers, edges), semiring(score, 1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packed, "_PART", part)
        by_hops = best_values(
            PackedEdges.of(data.edges, len(layers)),
            token_starts(is_token(layers), rules, HOPS),
            rules,
            input_sums=input_sums(data),
        )
    for order in (order_of(data), None):
        tables = path_tables(data.edges, order, is_token(layers), rules, input_sums=input_sums(data), hops=HOPS)
        assert np.array_equal(tables.best, by_hops[: len(tables.best)])
        assert (by_hops[len(tables.best) :] == -np.inf).all()
        assert len(tables.shortlists) == 0  # no node has inputs enough


@settings(deadline=None)
@given(graph=random_graphs(), score=st.sampled_from(SCORES), sign=st.sampled_from([1, -1]), data=st.data())
def test_bounds_of_paths_by_sign_that_pass_groups_of_nodes(
    graph: tuple[list[int], list[oracle.Edge]], score: str, sign: int, data: st.DataObject
) -> None:
    """In each stage, those of paths that have passed a node of each group that is left, promoting then inhibiting."""
    layers, edges = graph
    made, n = make_graph(layers, edges), len(layers)
    rules, sums = semiring(score, sign), oracle.input_sums(edges)
    group = st.frozensets(st.sampled_from(range(n)), min_size=1, max_size=3)
    groups = data.draw(st.lists(group, unique=True, max_size=3), label="groups")
    stages = stages_of(groups, order_of(made), 64)
    assert stages is not None

    def best(starts: Float64) -> Float64:
        return best_values(PackedEdges.of(made.edges, n), starts, rules, input_sums=input_sums(made))

    tables = best_through(best, signed(token_starts(is_token(layers), rules, HOPS)), stages, n)
    paths = list(oracle.all_paths(edges, tokens(layers), range(n), HOPS))
    for table, left in zip(tables, groups_left(groups, stages), strict=True):
        expected = {(0, token): rules.start for token in tokens(layers) if all(token in groups[i] for i in left)}
        for path in paths:
            if all(groups[i] & set(path[0]) for i in left):
                place = len(path[1]), path[0][-1] + (0 if oracle.promotes(path) else n)
                value = value_of(score, sign, sums, path)
                expected[place] = max(expected.get(place, -math.inf), value)
        assert_bounds(table, expected, 2 * n)


def groups_left(groups: list[frozenset[int]], stages: Stages) -> list[frozenset[int]]:
    """The groups that are left in each stage, found by following the nodes that lead to it."""
    left = {len(stages) - 1: frozenset(range(len(groups))), 0: frozenset[int]()}
    for number in range(len(stages) - 1, 0, -1):
        for node, before in stages[number].items():
            left[before] = frozenset(i for i in left[number] if node not in groups[i])
    return [left[number] for number in range(len(stages))]


def test_single_nodes_to_pass_have_a_stage_each() -> None:
    order = np.arange(20, dtype=np.int32)
    stages = stages_of([frozenset({3}), frozenset({9}), frozenset({6})], order, 64)
    assert stages == [{}, {3: 0}, {6: 1}, {9: 2}]
    everywhere = [frozenset(range(20))] + [frozenset({i, i + 1}) for i in range(0, 14, 2)]
    assert stages_of(everywhere, None, 64) is None


@pytest.mark.parametrize("weights", ["lognormal", "coarse"])
@pytest.mark.parametrize("score", SCORES)
def test_shortlists_hold_the_inputs_of_the_best_paths(score: str, weights: str) -> None:
    """The best paths of a node lead through its shortlist; `unlisted_best` is the best value through other inputs."""
    data = synthesize(Shape(layers=3, positions=2, features_per_layer=90, logits=2, weights=weights, seed=5))
    rules, order = semiring(score, 1), order_of(data)
    sums = input_sums(data)
    tables = path_tables(data.edges, order, data.nodes.kind == 2, rules, input_sums=sums, hops=3)
    inputs = {int(row.target[0]): row for row in data.edges.rows(order) if row.size}
    shortlists = list(tables.shortlists)
    assert {shortlist.ordinal for shortlist in shortlists} == {
        target for target, row in inputs.items() if row.size > SHORTLIST_FROM
    }
    assert shortlists
    for shortlist in shortlists:
        row = inputs[shortlist.ordinal]
        listed = np.isin(row.source, shortlist.sources)
        assert np.array_equal(row.source[listed], shortlist.sources)
        assert np.array_equal(row.weight[listed], shortlist.weights)
        for hop, floor in enumerate(shortlist.unlisted_best):
            best = np.full(len(data.nodes), -np.inf) if hop >= len(tables.best) else tables.best[hop]
            values = rules.extend(best[row.source], rules.step(row.weight, sums[row.target]))
            assert floor == values[~listed].max(initial=-np.inf)
            enough = np.count_nonzero(values[listed] >= floor)
            assert enough >= SHORTLISTED_PATHS or floor == -np.inf


def test_an_order_leads_from_inputs_to_outputs() -> None:
    edges = array_edges([(2, 1, 1.0), (1, 0, 1.0), (3, 0, 1.0)])
    order = topological_order(edges, np.zeros(5))
    assert order is not None
    assert sorted(order.tolist()) == list(range(5))
    place = {int(node): i for i, node in enumerate(order)}
    assert place[2] < place[1] < place[0] > place[3]


def test_where_edges_lead_upwards_the_order_is_that_of_depth() -> None:
    depth = np.array([3.0, 0.0, 2.0])
    order = topological_order(array_edges([(1, 0, 1.0), (2, 0, 1.0)]), depth)
    assert order is not None
    assert order.tolist() == [1, 2, 0]


@pytest.mark.parametrize("cycle", [[(0, 0)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 0), (3, 0)]])
def test_a_graph_with_a_cycle_has_no_order(cycle: list[tuple[int, int]]) -> None:
    assert topological_order(array_edges([(s, t, 1.0) for s, t in cycle]), np.zeros(4)) is None
