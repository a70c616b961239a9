"""Groups of features: against their definition by brute force, and without cycles whatever the graph."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import supernode_table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from support import oracle
from support.examples import EXAMPLES
from support.graphs import dense, edge_list, make_graph

from circuit_atlas.graph.collapse import collapse
from circuit_atlas.graph.data import KINDS, ArrayEdges, Bool, Float64, GraphData, Int64
from circuit_atlas.graph.groups import Profiles, _cosines, flow_kept, group_features, read_profiles
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest import read_graph
from circuit_atlas.queries.suggested import shared_words
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Supernode

WEIGHTS = [-3.5, -1.0, -0.5, 0.5, 1.0, 2.0]


@st.composite
def layered_graphs(draw: st.DrawFn) -> tuple[GraphData, Int64]:
    """Graphs whose effects lead from lower to higher layers, at some positions; and most of their features."""
    n, seed, density = draw(st.integers(4, 14)), draw(st.integers(0, 1 << 30)), draw(st.sampled_from([0.1, 0.2, 0.5]))
    rng = np.random.default_rng(seed)
    layers = [*np.sort(rng.integers(0, n, n - 1)).tolist(), n]
    ends = [(s, t) for t in range(n) for s in range(n) if layers[s] < layers[t] and rng.random() < density]
    data = make_graph(layers, [(s, t, float(rng.choice(WEIGHTS))) for s, t in ends])
    data = replace(data, nodes=replace(data.nodes, position=rng.integers(0, 3, n).astype(np.int32)))
    features = np.flatnonzero(data.nodes.kind == KINDS.index(Kind.FEATURE))
    return data, features[rng.random(len(features)) < 0.8]


def profiles_of(data: GraphData, features: Int64) -> Profiles:
    edges = PackedEdges.of(data.edges, len(data.nodes))
    order = topological_order(edges, data.nodes.depth)
    assert order is not None
    return read_profiles(edges, order, features, np.arange(len(data.nodes)))


def near(data: GraphData, features: Int64, layers: int, positions: int) -> Bool:
    layer, position = data.nodes.layer[features], data.nodes.position[features]
    found = (abs(layer[:, None] - layer) <= layers) & (abs(position[:, None] - position) <= positions)
    return np.asarray(found)


def has_cycle(data: GraphData, features: Int64, group: Int64) -> bool:
    """By collapsing the graph, and looking for an order."""
    groups = [features[group == i] for i in np.unique(group)]
    supernodes = tuple(Supernode(name=f"g{i}", members=tuple(at.tolist())) for i, at in enumerate(groups))
    collapsed = collapse(replace(data, supernodes=supernodes), "sums")
    return topological_order(collapsed.edges, np.zeros(len(collapsed.nodes))) is None


def any_similarity(k: int, seed: int) -> Float64:
    """Similarities that have nothing to do with a graph: groups that no real one would suggest."""
    found = np.random.default_rng(seed).uniform(-1, 1, (k, k))
    return np.asarray((found + found.T) / 2)


limits = {
    "seed": st.one_of(st.none(), st.integers(0, 1000)),
    "layers": st.one_of(st.just(20), st.integers(0, 6)),
    "positions": st.one_of(st.just(2), st.integers(0, 2)),
    "least": st.one_of(st.none(), st.sampled_from([-1.0, -0.2, 0.0, 0.3, 0.7])),
    "number": st.one_of(st.none(), st.integers(1, 5)),
}


@given(graph=layered_graphs(), **limits)
@settings(max_examples=300, deadline=None)
def test_no_suggestion_makes_a_cycle(
    graph: tuple[GraphData, Int64],
    seed: int | None,
    layers: int,
    positions: int,
    least: float | None,
    number: int | None,
) -> None:
    data, features = graph
    profiles, allowed = profiles_of(data, features), near(data, features, layers, positions)
    if seed is not None:
        profiles = profiles._replace(similarity=any_similarity(len(features), seed))
    group = group_features(profiles, allowed, groups=number, similarity=least)
    assert not has_cycle(data, features, group)
    assert allowed[group[:, None] == group].all()
    assert number is None or len(features) < number or len(set(group.tolist())) >= number
    assert list(dict.fromkeys(group.tolist())) == list(range(len(set(group.tolist()))))


@given(graph=layered_graphs(), **limits)
@settings(max_examples=200, deadline=None)
def test_what_is_not_merged_must_not_be(
    graph: tuple[GraphData, Int64],
    seed: int | None,
    layers: int,
    positions: int,
    least: float | None,
    number: int | None,
) -> None:
    """Any further merge is too unlike, too wide, or makes a cycle."""
    data, features = graph
    profiles, allowed = profiles_of(data, features), near(data, features, layers, positions)
    if seed is not None:
        profiles = profiles._replace(similarity=any_similarity(len(features), seed))
    group = group_features(profiles, allowed, groups=number, similarity=least)
    left = sorted(set(group.tolist()))
    if number is not None and len(left) <= number:
        return
    for a, b in combinations(left, 2):
        at_a, at_b = group == a, group == b
        merged = np.where(at_b, a, group)
        is_like = least is None or profiles.similarity[at_a][:, at_b].mean() >= least + 1e-9
        assert not (is_like and allowed[at_a][:, at_b].all()) or has_cycle_as_graph(data, features, merged)


def test_a_path_through_groups_that_were_merged_is_seen() -> None:
    """x acts on a, b on y, v on u. With {a, b} and {y, v}, x reaches u: together they would make a cycle."""
    x, a, b, y, v, u = range(6)
    similarity, reaches = np.zeros((6, 6)), np.zeros((6, 6), np.bool_)
    for (one, other), value in {(a, b): 0.9, (y, v): 0.8, (x, u): 0.7}.items():
        similarity[one, other] = similarity[other, one] = value
    reaches[[x, b, v], [a, y, u]] = True
    profiles = Profiles(similarity, reaches, np.zeros_like(reaches))
    group = group_features(profiles, np.ones_like(reaches), similarity=0.5)
    assert group.tolist() == [0, 1, 1, 2, 2, 3]


def has_cycle_as_graph(data: GraphData, features: Int64, group: Int64) -> bool:
    """As `has_cycle`, but effects that cancel out count."""
    edges = data.edges
    assert isinstance(edges, ArrayEdges)
    return has_cycle(replace(data, edges=replace(edges, weight=abs(edges.weight))), features, group)


@given(graph=layered_graphs())
@settings(max_examples=100, deadline=None)
def test_profiles_are_what_they_are_defined_as(graph: tuple[GraphData, Int64]) -> None:
    data, features = graph
    matrix = dense(data)
    sums = np.maximum(abs(matrix).sum(axis=1, keepdims=True), 1e-10)
    found = profiles_of(data, features)

    def cosine(a: Float64, b: Float64) -> float:
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / lengths) if lengths else 0.0

    edges, inner = edge_list(data.edges), set(features.tolist())
    for i, x in enumerate(features.tolist()):
        for j, y in enumerate(features.tolist()):
            shares = matrix / sums
            expected = (cosine(matrix[x], matrix[y]) + cosine(shares[:, x], shares[:, y])) / 2
            assert found.similarity[i, j] == pytest.approx(expected, abs=1e-12)
            paths = list(oracle.all_paths(edges, [x], [y], 12, passes=lambda node: node not in inner))
            assert found.reaches[i, j] == bool(paths)
            assert found.detours[i, j] == any(len(nodes) > 2 for nodes, _ in paths)


@given(graph=layered_graphs(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_the_flow_kept_is_what_it_is_defined_as(graph: tuple[GraphData, Int64], data: st.DataObject) -> None:
    graph_data, features = graph
    k, n = len(features), len(graph_data.nodes)
    group = np.array(data.draw(st.lists(st.integers(0, 3), min_size=k, max_size=k)), np.int64)
    arriving = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=n, max_size=n)))
    sums = abs(dense(graph_data)).sum(axis=1)
    owner = {x: f"group {g}" for x, g in zip(features.tolist(), group.tolist(), strict=True)}
    total = inside = 0.0
    between: dict[tuple[object, object], float] = {}
    for source, target, weight in edge_list(graph_data.edges):
        if source in owner or target in owner:
            carried = arriving[target] * weight / sums[target]
            total += abs(carried)
            ends = owner.get(source, source), owner.get(target, target)
            if ends[0] == ends[1]:
                inside += abs(carried)
            else:
                between[ends] = between.get(ends, 0.0) + carried
    found = flow_kept(graph_data.edges, features, group, arriving, sums)
    if not total:
        assert found is None
    else:
        kept = sum(map(abs, between.values())) / total
        assert found == pytest.approx((kept, inside / total, 1 - kept - inside / total), abs=1e-12)


@given(seed=st.integers(0, 10_000), k=st.integers(2, 15), least=st.floats(-0.5, 0.9))
@settings(max_examples=100, deadline=None)
def test_without_conditions_groups_are_those_of_scipy(seed: int, k: int, least: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(k, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity, no = vectors @ vectors.T, np.zeros((k, k), np.bool_)
    profiles, tree = Profiles(similarity, no, no), linkage(squareform(1 - similarity, checks=False), "average")
    for found, expected in (
        (group_features(profiles, ~no, similarity=least), fcluster(tree, 1 - least, "distance")),
        (group_features(profiles, ~no, groups=3), fcluster(tree, 3, "maxclust")),
    ):
        assert ((found[:, None] == found) == (expected[:, None] == expected)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e-5, 1e160, 1e299])
def test_profiles_are_as_similar_at_any_scale(scale: float) -> None:
    profiles = np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
    assert np.allclose(_cosines(profiles * scale), _cosines(profiles), rtol=1e-12, atol=0)
    assert np.allclose(_cosines(profiles).diagonal(), [1, 1, 0, 1])


@given(seed=st.integers(0, 10_000))
def test_the_same_profiles_are_as_similar_as_can_be(seed: int) -> None:
    """Although the product of a vector of length 1 with itself is rounded to a little less, or more, than 1."""
    vector = np.random.default_rng(seed).normal(size=(1, 50))
    vectors = np.repeat(vector / np.linalg.norm(vector), 3, axis=0)
    no = np.zeros((3, 3), np.bool_)
    found = group_features(Profiles(vectors @ vectors.T, no, no), ~no, similarity=1.0)
    assert len(set(found.tolist())) == 1


@pytest.mark.parametrize("name", ["dallas", "opposite-small"])
def test_the_order_of_nodes_in_a_file_does_not_matter(name: str) -> None:
    data = read_graph(EXAMPLES / f"{name}.json")
    expected = None
    for seed in (None, 1, 2):
        shuffled = data if seed is None else permuted(data, np.random.default_rng(seed).permutation(len(data.nodes)))
        keys = [shuffled.nodes.key(i) for i in range(len(data.nodes))]
        places = np.empty(len(keys), np.int64)
        places[np.argsort(keys)] = np.arange(len(keys))
        features = np.flatnonzero(shuffled.nodes.kind == KINDS.index(Kind.FEATURE))
        features = features[np.argsort(places[features])][::4]
        edges = PackedEdges.of(shuffled.edges, len(keys))
        order = topological_order(edges, shuffled.nodes.depth)
        assert order is not None
        profiles = read_profiles(edges, order, features, places)
        group = group_features(profiles, near(shuffled, features, 30, 0), similarity=0.3)
        found = ([keys[i] for i in features.tolist()], profiles.similarity.tobytes(), group.tolist())
        expected = expected or found
        assert found == expected
    assert expected is not None
    assert 10 < len(set(expected[2])) < len(expected[0])


def permuted(data: GraphData, order: Int64) -> GraphData:
    """The same graph with its nodes in another order."""
    assert isinstance(data.edges, ArrayEdges)
    place = np.argsort(order).astype(np.int32)
    edges = ArrayEdges.sorted(place[data.edges.target], place[data.edges.source], data.edges.weight)
    return replace(data, nodes=data.nodes.take(order), edges=edges, supernodes=())


def test_shared_words() -> None:
    assert shared_words(["Texas and Dallas", "texas law", "Texas cities", "cities"]) == ["Texas", "cities"]
    assert shared_words(["say a capital", "say a capital", "capitals"]) == ["say", "capital"]
    assert shared_words(["one", "two"]) == []
    assert shared_words(["one"]) == []
    assert shared_words(["and the other", "the other"]) == []


def test_adjusted_rand_index() -> None:
    def index(a: str, b: str) -> float:
        return supernode_table.adjusted_rand_index(*(np.array([int(digit) for digit in text]) for text in (a, b)))

    assert index("0011", "1100") == 1
    assert index("000", "000") == 1
    assert index("0123", "0123") == 1
    # Of 6 pairs, 2 and 2 are together, none in both; 2 * 2 / 6 by chance: (0 - 2/3) / (2 - 2/3).
    assert index("0011", "0101") == pytest.approx(-0.5)
    # Of 15 pairs, 6 and 7 are together, 4 in both; 42 / 15 by chance: (4 - 2.8) / (6.5 - 2.8).
    assert index("000111", "000011") == pytest.approx((4 - 2.8) / (6.5 - 2.8))
    assert index("0000", "0123") == 0


def test_the_table_of_the_documentation_is_up_to_date() -> None:
    page = Path(supernode_table.PAGE).read_text(encoding="utf-8")
    rows = [row for name in supernode_table.GRAPHS for row in supernode_table.rows_of(name)]
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")
    ]
    assert [row for row in rows if row not in shown] == []
    assert {row[4] for row in rows if "`suggest" in row[3]} == {"no"}
