"""The search in memory finds the paths that brute force finds, in the same order, of every score and restriction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import make_graph
from support.paths import SCORES, random_graphs

from circuit_atlas.graph import best_paths
from circuit_atlas.graph.best_paths import PathFinder
from circuit_atlas.graph.bounds import best_through, best_values, semiring, signed, token_starts
from circuit_atlas.graph.data import Float64
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.stages import stages_of

HOPS = 5


@settings(deadline=None)
@given(
    graph=random_graphs(),
    k=st.integers(1, 40),
    score=st.sampled_from(SCORES),
    order=st.sampled_from([1, -1]),
    effect=st.sampled_from([0, 1, -1]),
    min_weight=st.sampled_from([0.0, 0.75]),
    pairs=st.sampled_from([1, 7, 1 << 20]),
    data=st.data(),
)
def test_the_best_paths_equal_brute_force(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    score: str,
    order: int,
    effect: int,
    min_weight: float,
    pairs: int,
    data: st.DataObject,
) -> None:
    """Ends, restrictions and signs are drawn; with few pairs at a time, what was found is cut again and again."""
    layers, edges = graph
    n, order = len(layers), 1 if score == "product" else order
    nodes = st.sampled_from(range(n))
    sources = data.draw(st.sets(nodes, min_size=1), label="sources")
    targets = data.draw(st.sets(nodes, min_size=1, max_size=2), label="targets")
    must_pass = data.draw(st.sets(nodes, max_size=2), label="must pass")
    sums = oracle.input_sums(edges)
    input_sums = np.array([sums[i] for i in range(n)])
    rules = semiring(score, order)
    packed = PackedEdges.of(make_graph(layers, edges).edges, n)
    starts = token_starts(np.isin(np.arange(n), list(sources)), rules, HOPS)

    def best(begun: Float64) -> Float64:
        return best_values(packed, begun, rules, input_sums=input_sums, min_weight=min_weight)

    stages = stages_of([frozenset([node]) for node in sorted(must_pass)], np.arange(n, dtype=np.int32), 64)
    assert stages is not None
    tables = best_through(best, signed(starts) if effect else starts, stages, n)
    finder = PathFinder(packed, tables, stages, rules, score == "mean", input_sums, min_weight)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(best_paths, "_PAIRS", pairs)
        found = finder.best(sorted(targets), k, min_hops=1, inhibits=effect < 0)

    paths = [
        path
        for path in oracle.all_paths(edges, sources, targets, HOPS, min_weight=min_weight)
        if must_pass <= set(path[0]) and (effect == 0 or oracle.promotes(path) == (effect > 0))
    ]
    value = oracle.scorer(score, sums)
    expected = oracle.best_paths(paths, k, order, value)
    scores = [_score(path.value, len(path.weights), score, order) for path in found]
    assert scores == pytest.approx([one for one, _, _ in expected], rel=1e-12)
    known = dict(paths)
    assert all(known[tuple(path.nodes)] == path.weights for path in found)
    assert len({tuple(path.nodes) for path in found}) == len(expected)
    if score != "product":  # whose last digit, and with it the order of ties, depends on the order of multiplication
        assert [tuple(path.nodes) for path in found] == [path for _, path, _ in expected]


def _score(value: float, hops: int, score: str, order: int) -> float:
    if score == "product":
        return math.exp(value)
    return order * value / (hops if score == "mean" else 1)


@given(large=st.floats(1.0, 1e12), small=st.floats(1e-9, 1.0), k=st.integers(1, 3))
def test_paths_whose_large_effects_cancel_are_not_lost(large: float, small: float, k: int) -> None:
    """The rank of a prefix is the small number; what its longer prefix adds is the large one, and so is the bound."""
    edges = [(0, 1, large), (1, 2, -large), (2, 5, small), (0, 3, large), (3, 4, -large), (4, 5, -5.0)]
    packed, rules = PackedEdges.of(make_graph([0, 1, 2, 1, 2, 3], edges).edges, 6), semiring("sum", 1)
    starts = token_starts(np.arange(6) == 0, rules, HOPS)
    table = best_values(packed, starts, rules, input_sums=np.ones(6))
    found = PathFinder(packed, [table], [{}], rules, False, np.ones(6)).best([5], k, min_hops=1)
    assert [path.nodes for path in found] == [[0, 1, 2, 5], [0, 3, 4, 5]][:k]


def test_no_path_is_an_empty_list() -> None:
    packed = PackedEdges.of(make_graph([0, 1, 2], [(0, 1, 1.0)]).edges, 3)
    rules = semiring("mean", 1)
    table = best_values(packed, token_starts(np.array([True, False, False]), rules, 3), rules, input_sums=np.ones(3))
    assert PathFinder(packed, [table], [{}], rules, True, np.ones(3)).best([2], 5, min_hops=1) == []
