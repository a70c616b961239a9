"""The algorithms on a graph in memory, without a database, against networkx and against plain enumeration."""

from __future__ import annotations

import math
from itertools import product

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphs import array_edges

from circuit_atlas.graph.bounds import best_through, best_values, path_tables, semiring, token_starts
from circuit_atlas.graph.counts import as_integers, as_limbs, walk_counts
from circuit_atlas.graph.cycles import cyclic_path_counts, strongly_connected_components
from circuit_atlas.graph.data import ArrayEdges, EdgeBlock, Float64
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.shortlists import shortlist
from circuit_atlas.graph.stages import stages_of
from circuit_atlas.schema.batches import batches, nodes_per_page
from circuit_atlas.schema.limits import LIMB, SHORTLIST_FROM, SHORTLISTED_PATHS

N, HOPS = 7, 4
WEIGHTS = st.sampled_from([-2.0, -0.5, 0.25, 1.0, 1.0, 3.0])
Weights = dict[tuple[int, int], float]


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool) -> Weights:
    """Weights by source and target, of nodes 0 to N - 1."""
    pairs = [(s, t) for s, t in product(range(N), repeat=2) if s < t or (not acyclic and s != t)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14))
    names = draw(st.permutations(range(N)))
    return {(names[s], names[t]): draw(WEIGHTS) for s, t in chosen}


def edges_of(weights: Weights) -> ArrayEdges:
    return array_edges((source, target, weight) for (source, target), weight in weights.items())


def walks(weights: Weights, starts: list[int], hops: int) -> list[tuple[int, ...]]:
    """All walks of exactly that many hops."""
    found: list[tuple[int, ...]] = [(start,) for start in starts]
    for _ in range(hops):
        found = [(*walk, target) for walk in found for source, target in weights if source == walk[-1]]
    return found


def sums_of_inputs(weights: Weights) -> Float64:
    sums = np.zeros(N)
    for (_, target), weight in weights.items():
        sums[target] += abs(weight)
    return sums


@given(graphs(acyclic=False))
def test_components_are_those_of_networkx(weights: Weights) -> None:
    component = strongly_connected_components(edges_of(weights), N)
    expected = [
        sorted(c) for c in networkx.strongly_connected_components(networkx.DiGraph(list(weights))) if len(c) > 1
    ]
    found = [np.flatnonzero(component == name).tolist() for name in set(component.tolist()) - {-1}]
    assert sorted(found) == sorted(expected)


@given(graphs(acyclic=False))
def test_a_topological_order_exists_where_there_is_no_cycle(weights: Weights) -> None:
    order = topological_order(edges_of(weights), np.zeros(N))
    assert (order is not None) == networkx.is_directed_acyclic_graph(networkx.DiGraph(list(weights)))
    if order is not None:
        rank = np.argsort(order)
        assert sorted(order.tolist()) == list(range(N))
        assert all(rank[source] < rank[target] for source, target in weights)


@settings(max_examples=200)
@given(
    graphs(acyclic=True),
    st.sampled_from(["sum", "bottleneck", "product"]),
    st.sampled_from([1, -1]),
    st.sets(st.integers(0, N - 1)),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_bounds_are_the_best_of_all_paths(
    weights: Weights, score: str, sign: int, closed: set[int], min_weight: float
) -> None:
    edges, sums, rules = edges_of(weights), sums_of_inputs(weights), semiring(score, sign)
    order = topological_order(edges, np.zeros(N))
    is_start = np.arange(N) < 3
    passable = ~np.isin(np.arange(N), list(closed))

    def tables(starts: Float64) -> Float64:
        edges = PackedEdges.of(edges_of(weights), N)
        return best_values(edges, starts, rules, input_sums=sums, passable=passable, min_weight=min_weight)

    def value(walk: tuple[int, ...]) -> float:
        steps = [weights[pair] for pair in zip(walk, walk[1:], strict=False)]
        if score == "product":
            return sum(math.log(abs(step) / sums[node]) for step, node in zip(steps, walk[1:], strict=True))
        return min((sign * step for step in steps), default=np.inf) if score == "bottleneck" else sign * sum(steps)

    strong = {pair: weight for pair, weight in weights.items() if abs(weight) >= min_weight}
    best = tables(token_starts(is_start, rules, HOPS))
    for hops, node in product(range(HOPS + 1), range(N)):
        ways = [walk for walk in walks(strong, [0, 1, 2], hops) if walk[-1] == node and closed.isdisjoint(walk[1:])]
        expected = max(map(value, ways), default=-np.inf)
        assert best[hops, node] == pytest.approx(expected)
    groups = [frozenset({node}) for node in (3, 4) if node not in closed]
    stages = stages_of(groups, order, 64)
    assert stages is not None
    staged = best_through(tables, token_starts(is_start, rules, HOPS), stages, N)[-1]
    for hops, node in product(range(HOPS + 1), range(N)):
        ways = [walk for walk in walks(strong, [0, 1, 2], hops) if walk[-1] == node and closed.isdisjoint(walk[1:])]
        passing = [value(walk) for walk in ways if all(group & set(walk) for group in groups)]
        assert staged[hops, node] == pytest.approx(max(passing, default=-np.inf))


@given(graphs(acyclic=False))
def test_counts_are_those_of_all_paths(weights: Weights) -> None:
    edges, is_start = edges_of(weights), np.arange(N) < 3
    all_walks = [walks(weights, [0, 1, 2], hops) for hops in range(HOPS + 1)]
    walked = walk_counts(PackedEdges.of(edges, N), is_start, HOPS)
    simple = cyclic_path_counts(edges, is_start, HOPS, 10**6)
    assert simple is not None
    for hops, node in product(range(HOPS + 1), range(N)):
        ending = [walk for walk in all_walks[hops] if walk[-1] == node]
        paths = [walk for walk in ending if len(set(walk)) == len(walk)]
        assert as_integers(walked[hops, :, [node]]) == [len(ending)]
        assert as_integers(simple[hops, :, [node]]) == [len(paths)]
    if networkx.is_directed_acyclic_graph(networkx.DiGraph(list(weights))):
        assert cyclic_path_counts(edges, is_start, HOPS, 0) is not None
    elif any(len(c) > 1 for c in networkx.strongly_connected_components(networkx.DiGraph(list(weights)))):
        assert cyclic_path_counts(edges, is_start, HOPS, 0) is None


@given(st.integers(0, LIMB**3 - 1))
def test_limbs_express_any_count(number: int) -> None:
    assert as_integers(as_limbs(number)[None]) == [number]


@given(st.lists(st.sampled_from([-1.0, 0.5, 0.5, 2.0, 7.0]), min_size=SHORTLIST_FROM + 1, max_size=200))
def test_a_shortlist_has_the_best_inputs(values: list[float]) -> None:
    n = len(values)
    target = np.full(n, n, np.int32)
    edges = ArrayEdges(target, np.arange(n, dtype=np.int32), np.array(values))
    is_start = np.arange(n + 1) < n
    order = np.arange(n + 1, dtype=np.int32)
    sums = np.append(np.zeros(n), np.abs(values).sum())
    rules = semiring("sum", 1)
    made = path_tables(edges, order, is_start, rules, input_sums=sums).shortlists
    [found] = list(made)
    best = sorted(range(n), key=lambda i: -values[i])[:SHORTLISTED_PATHS]
    assert (found.ordinal, found.sources.tolist()) == (n, sorted(best))
    assert found.weights.tolist() == [values[i] for i in sorted(best)]
    rest = [values[i] for i in range(n) if i not in best]
    assert found.unlisted_best[0] == max(rest)
    assert (found.unlisted_best[1:] == -np.inf).all()


@given(st.integers(SHORTLIST_FROM + 1, 1200), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_shortlists_of_many_inputs_are_those_of_a_sort(n: int, levels: int, seed: int) -> None:
    """Also where values are equal, or where few or no paths lead through an input."""
    random = np.random.default_rng(seed)
    values = random.integers(0, levels, (3, n)).astype(np.float64)
    values[random.random((3, n)) < random.random((3, 1))] = -np.inf
    edges = EdgeBlock(np.full(n, n, np.int32), np.arange(n, dtype=np.int32), random.random(n))
    best = {i for row in values for i in np.argsort(-row, kind="stable")[:SHORTLISTED_PATHS] if row[i] > -np.inf}
    sources, weights, unlisted_best = shortlist(edges, values.copy())
    assert sources.tolist() == sorted(best)
    assert weights.tolist() == edges.weight[sources].tolist()
    assert unlisted_best.tolist() == np.delete(values, sources, axis=1).max(axis=1, initial=-np.inf).tolist()


@given(st.integers(0, 5_000), st.integers(1, 700))
def test_batches(rows: int, size: int) -> None:
    made = list(batches(({"i": i} for i in range(rows)), size))
    assert [row["i"] for batch in made for row in batch] == list(range(rows))
    assert all(len(batch) == size for batch in made[:-1])


@pytest.mark.parametrize(("nodes", "edges", "expected"), [(0, 0, 1), (10, 0, 1000), (1000, 100_000, 1), (100, 200, 50)])
def test_nodes_per_page(nodes: int, edges: int, expected: int) -> None:
    assert nodes_per_page(nodes, edges, 100) == expected
