"""Motifs of stored graphs are those of the files; the shapes themselves are tested in tests/graph."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from math import prod
from typing import Any

import pytest
from support.examples import ANALOGIES, example_file
from support.program import Run, fails
from support.two_files import File

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import InvalidArgumentError

Motif = tuple[str, str, str, str]
SET, BASELINE = ANALOGIES[:2], ANALOGIES[2:]


@pytest.fixture(scope="module")
def triangles() -> dict[str, dict[Motif, list[float]]]:
    """The triangles of each file, between features and the most probable logit, with the weights of their effects."""
    return {name: triangles_of(File(example_file(name), "feature")) for name in ANALOGIES}


def effects_of(file: File) -> dict[str, dict[str, float]]:
    """The weights of the effects between features and the most probable logit, by source and target."""
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for source, target, weight in file.found.edges:
        a, b = ("logit:target" if node == file.found.top_logit else file.identities[node] for node in (source, target))
        if a != b and all(end.startswith("feature:") or end == "logit:target" for end in (a, b)):
            weights[a][b] += weight
    return weights


def triangles_of(file: File) -> dict[Motif, list[float]]:
    weights, found = effects_of(file), {}
    for a, outputs in list(weights.items()):
        for b, first in outputs.items():
            for c in weights.get(b, {}).keys() & outputs.keys():
                effects = [first, weights[b][c], outputs[c]]
                found[a, b, c, "".join("-" if weight < 0 else "+" for weight in effects)] = effects
    return found


def of(motif: Any) -> Motif:
    return motif.a.identity, motif.b.identity, motif.c.identity, motif.signs


def test_shapes_of_a_stored_graph(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    found = examples["dallas"].motifs(random=3, seed=1)
    edges = File(example_file("dallas"), "exact").found.edges
    sign = {(a, b): "-" if weight < 0 else "+" for a, b, weight in edges}
    outputs = defaultdict(set)
    for a, b in sign:
        outputs[a].add(b)
    triangles = Counter(
        sign[a, b] + sign[b, c] + sign[a, c] for a, b in sign for c in outputs.get(b, set()) & outputs[a]
    )
    chains = Counter(sign[a, b] + sign[b, c] for a, b in sign for c in outputs.get(b, set()) - outputs[a])
    count = {(one.shape, one.signs): one.count for one in found.shapes}
    assert {signs: number for (shape, signs), number in count.items() if shape == "triangle"} == triangles
    assert {signs: number for (shape, signs), number in count.items() if shape == "chain"} == chains
    assert (found.effects, found.left_out, found.graphs, len(found)) == (len(edges), 0, ["dallas"], 18)
    assert examples["dallas"].motifs(random=3, seed=1) == found
    assert examples["dallas"].motifs(random=3, seed=2).shapes != found.shapes
    assert "p-value below 0.5" in found.notes[0]
    strong = examples["dallas"].motifs(random=2, strongest=1000, min_weight=1.0)
    assert strong.effects == min(1000, sum(abs(weight) >= 1.0 for _, _, weight in edges))
    assert strong.effects + strong.left_out == len(edges)


def test_a_set_adds_up_its_graphs(atlas: Atlas, examples: Any) -> None:
    options = {"random": 3, "strongest": 600}
    found = atlas.motifs("night", tags=["analogies"], **options)
    assert sorted(found.graphs) == sorted(ANALOGIES)
    assert found.effects == 600 * len(ANALOGIES)
    alone = atlas.graph("night").motifs(**options)
    there = [one for one in found.by_graph if one.graph == "night"]
    assert [one.model_dump() for one in there] == [one.model_dump() for one in alone.by_graph]
    for i, one in enumerate(found.shapes):
        parts = found.by_graph[i :: len(found.shapes)]
        assert one.count == sum(part.count for part in parts)
        assert one.random_mean == pytest.approx(sum(part.random_mean for part in parts))
        assert one.graphs_above == sum(part.count > part.random_mean for part in parts)
    assert len(found.to_pandas("by_graph")) == 18 * len(ANALOGIES)


def test_recurring_motifs_are_those_of_the_files(
    atlas: Atlas, examples: Any, triangles: dict[str, dict[Motif, list[float]]]
) -> None:
    found = atlas.recurring_motifs(*ANALOGIES, shape="triangle", share=0.6, k=10_000)
    expected = Counter(motif for motifs in triangles.values() for motif in motifs)
    assert {of(one): one.graphs for one in found.motifs} == {m: n for m, n in expected.items() if n >= 3}
    assert found.total == len(found.motifs) > 20
    assert all(of(one) in triangles[one.example] for one in found.motifs)
    order = [(-one.graphs, -min(abs(w or 0.0) for w in (one.first, one.second, one.across))) for one in found.motifs]
    assert order == sorted(order)
    having: Counter[tuple[tuple[str, str], bool]] = Counter()
    for name in ANALOGIES:
        for a, outputs in effects_of(File(example_file(name), "feature")).items():
            having.update(((a, b), weight < 0) for b, weight in outputs.items() if weight)
    for one in found.motifs:
        a, b, c, signs = of(one)
        n = [having[ends, sign == "-"] for ends, sign in zip(((a, b), (b, c), (a, c)), signs, strict=True)]
        assert one.expected == pytest.approx(prod(n) / len(ANALOGIES) ** 2)
        assert (one.z is None) == (sum(number < len(ANALOGIES) for number in n) < 2)
        assert one.z is None or (one.z > 0) == (one.graphs > one.expected)
        assert one.p_value == pytest.approx(1.0) if one.z is None else 0 < one.p_value <= 1
    assert {one.z is None for one in found.motifs} == {True, False}
    everywhere = next(one for one in found.motifs if one.graphs == len(ANALOGIES))
    mean = sum(triangles[name][of(everywhere)][0] for name in ANALOGIES) / len(ANALOGIES)
    assert everywhere.first == pytest.approx(mean, rel=1e-5)
    assert atlas.recurring_motifs(*ANALOGIES, shape="triangle", share=0.6, k=3).motifs == found.motifs[:3]


def test_enriched_motifs_are_those_of_the_files(
    atlas: Atlas, examples: Any, triangles: dict[str, dict[Motif, list[float]]]
) -> None:
    found = atlas.enriched_motifs(*SET, baseline=BASELINE, shape="triangle", k=10_000)
    inside, outside = (Counter(m for name in names for m in triangles[name]) for names in (SET, BASELINE))
    # Of two graphs against three, only what exactly two graphs have can have the smallest p-value, 1/10.
    tested = {m for m in inside | outside if inside[m] + outside[m] == len(SET)}
    over = {m: (inside[m], outside[m]) for m in tested if inside[m] * len(BASELINE) > outside[m] * len(SET)}
    assert found.tested == len(tested)
    assert found.total == len(over)
    assert {of(one): (one.graphs, one.baseline) for one in found.motifs} == over
    assert found.motifs[0].p_value == pytest.approx(0.1)
    assert found.motifs[0].q_value == pytest.approx(
        min(1.0, 0.1 * len(tested) / sum(numbers == (2, 0) for numbers in over.values()))
    )


def test_what_cannot_be_asked(atlas: Atlas, examples: Any) -> None:
    for question, told in (
        (atlas.motifs, "no graphs given"),
        (lambda: atlas.motifs("dallas", random=1), "random"),
        (lambda: atlas.motifs("dallas", seed=-1), "seed"),
        (lambda: atlas.motifs("dallas", min_weight=-1.0), "min_weight"),
        (lambda: atlas.graph("dallas").motifs(strongest=0), "strongest"),
        (lambda: atlas.recurring_motifs("night", shape="square"), "chain, fan-in, fan-out, triangle"),
        (lambda: atlas.recurring_motifs("night", share=2.0), "share"),
        (lambda: atlas.recurring_motifs("night", "dallas-haiku"), "sets of transcoders"),
        (lambda: atlas.enriched_motifs("night", baseline=["night"]), "both sets"),
    ):
        with pytest.raises(InvalidArgumentError, match=told):
            question()
    nothing = atlas.recurring_motifs("night", "winter", min_weight=1e6)
    assert (nothing.total, len(nothing), nothing.heading) == (0, 0, "0 motifs recur (shape chain)")
    assert nothing.notes == ["No chain is in 2 or more of the graphs."]
    assert atlas.recurring_motifs("night").notes == ["No chain is in 2 or more of the graphs."]
    assert atlas.motifs("night", min_weight=1e6, random=40).shapes[0].z is None


def test_the_commands(run: Run) -> None:
    table = run("motifs", "night", "winter", "--random", "2", "--strongest", "300", "--table")
    assert "600 effects of 2 graphs" in table.stdout
    assert "A --(+)--> B --(-)--> C, A --(+)--> C" in table.stdout
    rows = run("motifs", "night", "--random", "2", "--strongest", "300", "--csv").stdout.splitlines()
    assert rows[0] == "shape,signs,count,random_mean,random_sd,z,p_value,graphs_above"
    assert len(rows) == 19
    answer = json.loads(run("recurring", "night", "winter", "--shape", "fan-in", "-k", "2").stdout)
    assert [answer["shape"], len(answer["motifs"])] == ["fan-in", 2]
    motifs = run("recurring", "night", "winter", "foot", "--shape", "triangle", "-k", "30", "--table").stdout
    assert motifs.splitlines()[2].split() == ["graphs", "by", "chance", "z", "triangle"]
    shown = run("enriched", "night", "--baseline-graph", "winter", "--by", "motif", "-k", "1", "--table").stdout
    assert "motifs are over-represented, the first 1:" in shown
    fails(run("recurring", "night", "winter", "--align", "exact"), 2, "--shape")
    fails(run("recurring", "night", "winter", "--shape", "chain", "--width", "2"), 2, "--width")
    fails(run("enriched", "night", "--baseline-graph", "winter", "--shape", "chain"), 2, "--by motif")
