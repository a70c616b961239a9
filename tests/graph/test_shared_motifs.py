"""Motifs that graphs have in common, compared with all threes of nodes of all graphs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_atlas.graph import shared_motifs as module
from circuit_atlas.graph.data import ArrayEdges
from circuit_atlas.graph.many_graphs import SourceNodes
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.shared_motifs import (
    SignedGraphs,
    first_graphs,
    n_pairs,
    nodes_of,
    shared_motifs,
    strengths,
)
from circuit_atlas.schema.limits import SHAPES

# Two nodes are one feature; an error is in no motif; the logits are three, of which the second is most probable.
IDENTITIES = ["feature:0/1", "error:0", "feature:0/1", "feature:1/2", "feature:2/3", "feature:2/4"]
LOGITS = ["logit:7", "logit:8", "logit:9"]
ALL = [*IDENTITIES, *LOGITS]
PAIRS = [(a, b) for a in range(len(ALL)) for b in range(max(a + 1, 3), len(ALL)) if a < len(IDENTITIES)]
GRAPH = st.dictionaries(st.sampled_from(PAIRS), st.sampled_from([-2.0, -1.0, 0.5, 1.0, 3.0]), max_size=14)
Graph = dict[tuple[int, int], float]
Motif = tuple[str, str, str, str]  # a, b, c and signs


def added(graphs: list[Graph], **options: float | int | None) -> SignedGraphs:
    found = SignedGraphs(**options)  # type: ignore[arg-type]
    none = np.zeros(len(ALL))
    probability = np.array([np.nan] * len(IDENTITIES) + [0.2, 0.5, 0.3])
    nodes = SourceNodes(ALL, none, none, [""] * len(ALL), none, none, probability, none)
    for graph in graphs:
        source, target = np.array(list(graph), np.int32).reshape(-1, 2).T
        edges = ArrayEdges.sorted(target, source, np.array(list(graph.values()), np.float64))
        found.add(nodes, PackedEdges.of(edges, len(ALL)))
    return found


def effects_of(graph: Graph) -> dict[tuple[str, str], float]:
    """The effects between what is in motifs, added up."""
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for (a, b), weight in graph.items():
        if ALL[a] != "error:0" and ALL[b] not in ("logit:7", "logit:9"):
            weights[ALL[a], ALL[b].replace("logit:8", "logit:target")] += weight
    return {pair: weight for pair, weight in weights.items() if weight}


def motifs_of(graph: Graph, shape: str) -> Iterator[Motif]:
    """All threes of names, one after the other."""
    sign = {pair: "-" if weight < 0 else "+" for pair, weight in effects_of(graph).items()}
    for a, b, c in permutations({name for pair in sign for name in pair}, 3):
        wanted = {
            "chain": [(a, b), (b, c)],
            "fan-in": [(a, c), (b, c)],
            "fan-out": [(a, b), (a, c)],
            "triangle": [(a, b), (b, c), (a, c)],
        }[shape]
        if all(pair in sign for pair in wanted):
            signs = "".join(sign[pair] for pair in wanted)
            if shape == "fan-in" and (signs[0], a) > (signs[1], b):
                continue
            if shape == "fan-out" and (signs[0], b) > (signs[1], c):
                continue
            yield a, b, c, signs


def in_order(motif: Motif, shape: str) -> Motif:
    """The motif in the order of names, where two of its nodes are alike. A promoting effect comes first already."""
    a, b, c, signs = motif
    assert shape not in ("fan-in", "fan-out") or signs != "-+"
    if signs[0] == signs[1]:
        if shape == "fan-in":
            a, b = sorted([a, b])
        if shape == "fan-out":
            b, c = sorted([b, c])
    return a, b, c, signs


@settings(max_examples=100, deadline=None)
@given(st.lists(GRAPH, min_size=1, max_size=6), st.sampled_from(SHAPES), st.data())
def test_motifs_are_those_of_all_threes_of_all_graphs(graphs: list[Graph], shape: str, data: st.DataObject) -> None:
    n_first = data.draw(st.integers(0, len(graphs)))
    fewest = data.draw(st.integers(1, 3))
    kept = np.arange(len(graphs) + 1) >= fewest
    collected = added(graphs)
    effects = collected.effects(fewest)
    found = shared_motifs(effects, shape, [n_first, len(graphs) - n_first], kept)
    names = collected.identities
    nodes = nodes_of(effects, shape, found.effects)
    signs = ["".join("+-"[i] for i in row) for row in effects.negative[found.effects].astype(int).tolist()]
    motifs = [
        in_order((names[a], names[b], names[c], sign), shape)
        for (a, b, c), sign in zip(nodes.tolist(), signs, strict=True)
    ]
    first, second = (
        Counter(motif for graph in part for motif in motifs_of(graph, shape))
        for part in (graphs[:n_first], graphs[n_first:])
    )
    expected = {
        motif: [first[motif], second[motif]] for motif in first | second if first[motif] + second[motif] >= fewest
    }
    assert dict(zip(motifs, found.graphs.T.tolist(), strict=True)) == expected
    assert len(motifs) == len(expected)
    assert n_pairs(effects, shape) >= len(motifs) / 2
    for motif, example in zip(motifs, first_graphs(effects, found.effects), strict=True):
        has = [motif in set(motifs_of(graph, shape)) for graph in graphs]
        assert example == has.index(True)


@given(st.lists(GRAPH, min_size=1, max_size=6))
def test_weights_are_means_over_the_graphs_that_have_the_effect(graphs: list[Graph]) -> None:
    collected = added(graphs)
    effects, names = collected.effects(1), collected.identities
    expected: dict[tuple[str, str, bool], list[float]] = defaultdict(list)
    for graph in graphs:
        for (a, b), weight in effects_of(graph).items():
            expected[a, b, weight < 0].append(weight)
    columns = (effects.source.tolist(), effects.target.tolist(), effects.negative.tolist(), effects.weight.tolist())
    found = {(names[a], names[b], negative): weight for a, b, negative, weight in zip(*columns, strict=True)}
    assert found == {key: pytest.approx(sum(weights) / len(weights)) for key, weights in expected.items()}
    motifs = shared_motifs(effects, "chain", [len(graphs)], np.ones(len(graphs) + 1, np.bool_)).effects
    assert strengths(effects, motifs).tolist() == [min(abs(effects.weight[i]) for i in row) for row in motifs.tolist()]


def test_more_graphs_than_bits_in_a_word() -> None:
    chain = {(0, 3): 1.0, (3, 4): -1.0}
    graphs: list[Graph] = [{} for _ in range(70)] + [chain] * 80
    effects = added(graphs).effects(2)
    found = shared_motifs(effects, "chain", [75, 75], np.ones(151, np.bool_))
    assert found.graphs.tolist() == [[5], [75]]
    assert first_graphs(effects, found.effects) == [70]


def test_effects_that_do_not_fit_into_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = added([{(0, 3): 1.0, (3, 4): -1.0}] * 2)
    monkeypatch.setattr(module, "_MAX_WORDS", 1)
    with pytest.raises(OverflowError, match="2 effects that 2 or more of 2 graphs have"):
        graphs.effects(2)


def test_weak_effects_are_left_out() -> None:
    graph: Graph = {(0, 3): 1.0, (3, 4): -2.0, (4, 7): 0.5}
    assert len(added([graph]).effects(1).source) == 3
    assert len(added([graph], min_weight=1.0).effects(1).source) == 2
    assert len(added([graph], most=1).effects(1).source) == 1
    assert len(added([]).effects(1).source) == 0
