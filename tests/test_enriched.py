"""What is over-represented in a set of graphs is counted as in the files."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import groupby
from statistics import fmean, pstdev
from typing import Any

import pytest
from scipy import stats
from support.examples import ANALOGIES, example_file
from support.program import Run, fails
from support.two_files import File

from circuit_atlas import Atlas
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError, NotFoundError
from circuit_atlas.graph import aggregate
from circuit_atlas.graph.intervals import mean_over
from circuit_atlas.queries.graph_sets import doubled_graphs, doubled_notes

SET = ANALOGIES[:2]
BASELINE = ["dallas", *ANALOGIES[2:]]


@pytest.fixture(scope="module")
def files() -> dict[str, File]:
    return {name: File(example_file(name), "feature") for name in ("dallas", *ANALOGIES)}


def counted(things: dict[str, set[Any]]) -> list[tuple[Any, int, int, float]]:
    """What is over-represented in the set: its numbers of graphs there and in the baseline, and Fisher's p-value."""
    inside, outside = (Counter(thing for name in names for thing in things[name]) for names in (SET, BASELINE))
    n, m = len(SET), len(BASELINE)
    found = []
    for thing in inside | outside:
        a, c = inside[thing], outside[thing]
        if a * m > c * n:
            p = stats.fisher_exact([[a, n - a], [c, m - c]], alternative="greater").pvalue
            found.append((thing, a, c, p))
    return found


def test_features_are_counted_as_in_the_files(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    features = {name: {i for i in file.identities if i.startswith("feature:")} for name, file in files.items()}
    expected = {thing: numbers for thing, *numbers in counted(features)}
    found = atlas.enriched_features(*SET, baseline=BASELINE, k=10_000)
    assert found.tested == len(set.union(*features.values()))
    assert found.total == len(found.features) == len(expected)
    assert len(expected) > 100
    for one in found.features:
        name = f"feature:{one.feature.layer}/{one.feature.index}"
        assert [one.graphs, one.baseline, pytest.approx(one.p_value)] == expected[name]
        assert (one.rate, one.baseline_rate) == (one.graphs / len(SET), one.baseline / len(BASELINE))
        influence = sum(files[graph].influence.get(name, 0.0) for graph in SET) / len(SET)
        assert one.influence == pytest.approx(influence, abs=1e-6)
        assert (one.influence_low, one.influence_high) == (None, None)  # of two graphs
    p_values = [one.p_value for one in found.features]
    assert p_values == sorted(p_values)
    order = [(f"{one.p_value:.10e}", round(-one.log_odds, 9), -one.influence) for one in found.features]
    assert [keys for _, group in groupby(order, lambda keys: keys[0]) for keys in sorted(group)] == order
    assert atlas.enriched_features(*SET, baseline=BASELINE, k=3).features == found.features[:3]
    only = atlas.only_features(*SET, without=BASELINE, k=10_000)
    best = {(one.feature.layer, one.feature.index) for one in found.features if one.p_value == p_values[0]}
    assert {(one.feature.layer, one.feature.index) for one in only.features} == best


def test_direct_effects_are_counted_as_in_the_files(
    atlas: Atlas, examples: Any, files: dict[str, File], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(file: File, node: int) -> str:
        identity = file.identities[node]
        if identity.startswith("logit:"):
            return "logit:target" if node == file.found.top_logit else "logit:others"
        return identity

    def pairs(file: File) -> set[tuple[str, str]]:
        """Those whose effects do not cancel out."""
        sums: dict[tuple[str, str], float] = defaultdict(float)
        for source, target, weight in file.found.edges:
            sums[end(file, source), end(file, target)] += weight
        return {(source, target) for (source, target), total in sums.items() if total and source != target}

    effects = {name: pairs(file) for name, file in files.items()}
    expected = {thing: numbers for thing, *numbers in counted(effects)}
    found = atlas.enriched_edges(*SET, baseline=BASELINE, k=10_000)
    assert found.tested == len(set.union(*effects.values()))
    assert found.total == len(expected)
    for one in found.edges:
        assert [one.graphs, one.baseline, pytest.approx(one.p_value)] == expected[
            one.source.identity, one.target.identity
        ]
        assert (one.weight_low, one.weight_high) == (None, None)  # of two graphs
    sizes = [abs(one.weight) for one in found.edges if one.p_value == found.edges[0].p_value]
    assert sizes == sorted(sizes, reverse=True)
    with monkeypatch.context() as patched:  # the limit of what is stored
        patched.setattr(aggregate, "MAX_GRAPH_NODES", 10)
        assert atlas.enriched_edges(*SET, baseline=BASELINE, k=1).tested == found.tested
    relative = atlas.enriched_edges(*SET, baseline=BASELINE, align="relative", k=1)
    assert relative.tested > found.tested


def test_means_have_the_intervals_of_the_files(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    """An influence is a mean over all graphs of the set, a weight over those that have the effect."""
    features = atlas.enriched_features(*BASELINE, baseline=SET, k=50, confidence=0.9)
    for feature in features:
        name = f"feature:{feature.feature.layer}/{feature.feature.index}"
        each = [files[graph].influence.get(name, 0.0) for graph in BASELINE]
        found = feature.influence, feature.influence_low, feature.influence_high
        assert found == pytest.approx(mean_over(len(each), fmean(each), pstdev(each), 0.9), abs=1e-6)
    effects = atlas.enriched_edges(*BASELINE, baseline=SET, k=50, confidence=0.9)
    for effect in effects:
        if effect.target.identity.startswith("logit:"):
            continue
        ends = effect.source.identity, effect.target.identity
        each = [weight for graph in BASELINE if (weight := files[graph].weight.get(ends))]
        mean = mean_over(len(each), fmean(each), pstdev(each), 0.9)
        for found, expected in zip((effect.weight, effect.weight_low, effect.weight_high), mean, strict=True):
            assert found == (None if expected is None else pytest.approx(expected, rel=1e-5))
    assert "mean influence [90%]" in str(features)
    assert "mean weight [90%]" in str(effects)


def test_copies_of_a_graph_are_told_of(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    copy = atlas.ingest(example_file("dallas"), name=new_name()).name
    for found in (
        atlas.enriched_features("dallas", copy, baseline=["night"]),
        atlas.enriched_edges("dallas", baseline=["night", copy]),
    ):
        assert f"Graphs with the same content count more than once: dallas = {copy}." in found.notes
    rows = [{"graph": f"{letter}{i}", "content": letter} for letter in "abcd" for i in range(2)]
    assert doubled_graphs(rows) == "a0 = a1; b0 = b1; c0 = c1; ..."
    assert doubled_notes(rows[:4]) == ["Graphs with the same content count more than once: a0 = a1; b0 = b1."]
    assert doubled_graphs(rows[1:3]) == ""
    made = atlas.aggregate("dallas", copy, name=new_name()).ingested
    assert made.warnings == [f"graphs with the same content count more than once: dallas = {copy}"]


def test_sets_that_cannot_be_meant(atlas: Atlas, examples: Any) -> None:
    for graphs, baseline, error, told in (
        ([], ["dallas"], InvalidArgumentError, "no graphs given"),
        (["dallas"], [], InvalidArgumentError, "no baseline given"),
        (["dallas"], ["dallas"], InvalidArgumentError, "both sets"),
        (["dallas"], ["nothing"], GraphNotFoundError, "nothing"),
    ):
        with pytest.raises(error, match=told):
            atlas.enriched_features(*graphs, baseline=baseline)
        with pytest.raises(error, match=told):
            atlas.enriched_edges(*graphs, baseline=baseline)
    with pytest.raises(NotFoundError, match="no graph has the tag"):
        atlas.enriched_features("dallas", baseline_tags=["nothing"])
    narrow = atlas.enriched_features("dallas", baseline=["night"], confidence=0.995)
    assert "log odds [99.5%]" in str(narrow)
    with pytest.raises(InvalidArgumentError, match="confidence"):
        atlas.enriched_features("dallas", baseline=["night"], confidence=1.0)
    with pytest.raises(InvalidArgumentError, match="sets of transcoders"):
        atlas.enriched_edges("dallas", baseline=["dallas-haiku"])
    mixed = atlas.enriched_features("dallas", baseline=["dallas-haiku"])
    assert any("sets of transcoders" in note for note in mixed.notes)
    assert any("cannot have a p-value below 0.5" in note for note in mixed.notes)


def test_the_command(run: Run) -> None:
    answer = json.loads(run("enriched", "dallas", "--baseline", "analogies", "-k", "1").stdout)
    assert [answer["graphs"], len(answer["baseline"]), len(answer["features"])] == [["dallas"], 5, 1]
    shown = run("enriched", "dallas", "--baseline", "analogies", "-k", "2", "--by", "edge", "--table").stdout
    assert "direct effects are over-represented, the first 2:" in shown
    assert "1 of 1" in shown
    fails(run("enriched", "dallas", "--baseline", "analogies", "--align", "exact"), 2, "--by edge")
    rows = run("enriched", "dallas", "--baseline-graph", "night", "-k", "2", "--csv").stdout.splitlines()
    assert rows[0].startswith("graphs,baseline,rate,baseline_rate,log_odds")
    assert len(rows) == 3
