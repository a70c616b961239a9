"""Signed shapes of three nodes, counted one by one, and random graphs, compared with what they must keep."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_atlas.graph.data import ArrayEdges
from circuit_atlas.graph.motifs import (
    SIGNED_SHAPES,
    SignedEdges,
    is_drifting,
    motif_counts,
    n_chains,
    null_statistics,
    random_graphs,
    signed_edges,
    strongest,
)

DRAWN = 1000  # random graphs
Signs = dict[tuple[int, int], str]  # of the effect of one node on another


@st.composite
def graphs(draw: st.DrawFn) -> SignedEdges:
    """A graph of up to 12 nodes, in layers and at positions."""
    nodes = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=12))
    height, position = np.array(nodes, np.int64).T
    possible = [
        (a, b)
        for a in range(len(nodes))
        for b in range(len(nodes))
        if height[a] < height[b] and position[a] <= position[b]
    ]
    signs = draw(st.lists(st.sampled_from(["", "+", "-"]), min_size=len(possible), max_size=len(possible)))
    kept = [(*pair, sign == "-") for pair, sign in zip(possible, signs, strict=True) if sign]
    source, target, negative = np.array(kept, np.int64).reshape(-1, 3).T
    return SignedEdges(source, target, negative.astype(np.bool_), height, position)


def signs_of(edges: SignedEdges) -> Signs:
    columns = edges.source.tolist(), edges.target.tolist(), edges.negative.tolist()
    return {(a, b): "+-"[negative] for a, b, negative in zip(*columns, strict=True)}


def shapes_of(signs: Signs, n: int) -> Counter[tuple[str, str]]:
    """Every three nodes, one after the other."""
    found: Counter[tuple[str, str]] = Counter()
    for three in combinations(range(n), 3):
        inner = {pair: sign for pair, sign in signs.items() if set(pair) <= set(three)}
        if len(inner) == 3:
            a = next(node for node in three if all(node != target for _, target in inner))
            c = next(node for node in three if all(node != source for source, _ in inner))
            (b,) = set(three) - {a, c}
            found["triangle", inner[a, b] + inner[b, c] + inner[a, c]] += 1
        elif len(inner) == 2:
            first, second = sorted(inner, key=lambda pair: pair[0] in {target for _, target in inner})
            shape = "fan-out" if first[0] == second[0] else "fan-in" if first[1] == second[1] else "chain"
            signs_there = inner[first] + inner[second]
            found[shape, signs_there if shape == "chain" else "".join(sorted(signs_there))] += 1
    return found


@given(graphs())
def test_shapes_are_counted_as_one_by_one(edges: SignedEdges) -> None:
    expected = shapes_of(signs_of(edges), len(edges.height))
    found = dict(zip(SIGNED_SHAPES, motif_counts(edges).tolist(), strict=True))
    assert {shape: number for shape, number in found.items() if number} == dict(expected)
    assert n_chains(edges) == sum(found[shape] for shape in SIGNED_SHAPES if shape[0] in ("chain", "triangle"))


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 100))
def test_random_graphs_keep_degrees_signs_and_order(edges: SignedEdges, seed: int) -> None:
    n = len(edges.height)
    drawn = random_graphs(edges, np.random.default_rng(seed))
    for other in (next(drawn), next(drawn)):
        assert len(signs_of(other)) == len(edges.source)  # no two effects between two nodes
        assert (other.height[other.source] < other.height[other.target]).all()
        assert (other.position[other.source] <= other.position[other.target]).all()
        for sign in (False, True):
            for ends, others in ((edges.source, other.source), (edges.target, other.target)):
                degree = np.bincount(ends[edges.negative == sign], minlength=n)
                assert degree.tolist() == np.bincount(others[other.negative == sign], minlength=n).tolist()
    again = next(random_graphs(edges, np.random.default_rng(seed)))
    assert signs_of(again) == signs_of(next(random_graphs(edges, np.random.default_rng(seed))))


def test_random_graphs_are_equally_likely() -> None:
    """All graphs with the degrees of a small one are drawn, as often as each other."""
    source = np.array([0, 0, 1, 1, 2, 3], np.int64)
    target = np.array([3, 4, 4, 5, 5, 5], np.int64)
    negative = np.array([0, 1, 0, 1, 0, 0], np.bool_)
    height = np.array([0, 0, 0, 1, 1, 2], np.int64)
    edges = SignedEdges(source, target, negative, height, np.zeros(6, np.int64))
    degrees = degrees_of(signs_of(edges))
    possible = [(a, b) for a in range(6) for b in range(6) if height[a] < height[b]]
    every = set()
    for code in range(3 ** len(possible)):
        signs = {pair: "+-"[code // 3**i % 3 - 1] for i, pair in enumerate(possible) if code // 3**i % 3}
        if len(signs) == len(source) and degrees_of(signs) == degrees:
            every.add(frozenset(signs.items()))
    drawn = random_graphs(edges, np.random.default_rng(1))
    times = Counter(frozenset(signs_of(next(drawn)).items()) for _ in range(DRAWN))
    assert set(times) == every
    assert len(every) > 5
    mean = DRAWN / len(every)
    assert max(abs(number - mean) for number in times.values()) < 5 * mean**0.5


def degrees_of(signs: Signs) -> Counter[tuple[str, int, str]]:
    return Counter(end for (a, b), sign in signs.items() for end in (("out", a, sign), ("in", b, sign)))


def test_statistics_of_random_graphs() -> None:
    counts = np.array([[1, 4, 2], [3, 4, 2], [5, 4, 2]], np.int64)
    null = null_statistics(np.array([7, 4, 3], np.int64), counts)
    assert null.mean.tolist() == [3, 4, 2]
    assert null.sd.tolist() == [pytest.approx((8 / 3) ** 0.5), 0, 0]
    assert null.z[0] == pytest.approx(4 / (8 / 3) ** 0.5)
    assert np.isnan(null.z[1:]).all()
    assert null.p_value.tolist() == [0.5, 1.0, 0.5]


def test_random_graphs_that_have_not_mixed() -> None:
    steady = np.random.default_rng(0).integers(0, 20, (100, 4))
    assert not is_drifting(steady)
    assert is_drifting(steady + np.arange(100)[:, None])
    assert not is_drifting(np.full((40, 3), 7))


def test_the_strongest_effects() -> None:
    weight = np.array([0.5, -2.0, 1.0, -1.0, 0.25])
    assert strongest(weight, 0.0, None).tolist() == [0, 1, 2, 3, 4]
    assert strongest(weight, 0.5, None).tolist() == [0, 1, 2, 3]
    assert strongest(weight, 0.5, 2).tolist() == [1, 2]
    assert strongest(weight, 3.0, 2).tolist() == []


def test_order_where_layers_or_positions_do_not_give_it() -> None:
    edges = ArrayEdges(np.array([1, 2], np.int32), np.array([0, 1], np.int32), np.array([1.0, -1.0]))
    order = np.array([0, 1, 2], np.int32)
    layers = signed_edges(edges, np.array([0.0, 3.0, np.inf]), order, np.array([0, 0, 1], np.int32))
    assert (layers.height.tolist(), layers.position.tolist()) == ([0, 1, 2], [0, 0, 1])
    assert layers.negative.tolist() == [False, True]
    others = signed_edges(edges, np.zeros(3), order, np.array([2, 1, 0], np.int32))
    assert (others.height.tolist(), others.position.tolist()) == ([0, 1, 2], [0, 0, 0])
    assert signed_edges(edges, np.zeros(3), order, np.array([-1, 1, 2], np.int32)).position.tolist() == [0, 0, 0]
