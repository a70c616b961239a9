"""Graphs that follow each other: features, a path and a circuit along them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import example_document
from support.graphs import make_graph
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import CircuitNotFoundError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.queries.series import _natural
from circuit_atlas.schema.keys import Kind

ORDER = ("winter", "dallas", "night")
Examples = dict[str, GraphHandle]


def influences(handle: GraphHandle) -> dict[str, float]:
    """The influence of each feature, added up over its nodes."""
    sums: dict[str, float] = defaultdict(float)
    for node in handle.nodes():
        if node.kind is Kind.FEATURE:
            sums[node.key.partition("@")[0].removeprefix("feature:")] += node.influence or 0.0
    return sums


def test_features_are_followed_in_the_order_given(atlas: Atlas, examples: Examples) -> None:
    found = atlas.series(*ORDER, features=["20/44686", "1/72774"])
    expected = [influences(examples[name]) for name in ORDER]
    assert [step.graph for step in found.steps] == list(ORDER)
    assert [step.token for step in found.steps] == [" to", " is", " to"]
    assert [step.target for step in found.steps] == [examples[name].stats().logits[0].node.name for name in ORDER]
    for line, feature in zip(found, ("20/44686", "1/72774"), strict=True):
        assert (line.measure, line.feature.place) == ("influence", feature)
        assert line.values == [pytest.approx(sums[feature]) if feature in sums else None for sums in expected]
    rows = list(found.data().rows)
    assert [(row["graph"], row["feature"], row["value"]) for row in rows[:3]] == [
        (name, "20/44686", value) for name, value in zip(ORDER, found[0].values, strict=True)
    ]


def test_the_features_that_change_most_are_followed_by_default(atlas: Atlas, examples: Examples) -> None:
    expected = [influences(examples[name]) for name in ORDER]
    change = {
        feature: max(values) - min(values)
        for feature in {feature for sums in expected for feature in sums}
        for values in [[sums.get(feature, 0.0) for sums in expected]]
    }
    found = atlas.series(*ORDER, k=7)
    assert [line.feature.place for line in found] == sorted(change, key=change.__getitem__, reverse=True)[:7]
    assert found.chosen
    figure = atlas.view_series(found).figure()
    assert [trace["y"] for trace in figure["data"]] == [line.values for line in found]


def test_a_path_and_a_circuit_are_followed(atlas: Atlas, examples: Examples) -> None:
    dallas = examples["dallas"]
    dallas.circuit(nodes=10, name="followed", replace=True)
    found = atlas.series(*ORDER, must_pass=["1/72774"], circuit="followed", of="dallas")
    path, *scores = found.lines
    for name, step, score in zip(ORDER, found.steps, path.values, strict=True):
        [best] = examples[name].paths(must_pass=["1/72774"], score="product", sign="promoting", min_hops=2, k=1)
        assert (step.path, score) == (best, best.score)
    assert [line.measure for line in scores] == ["influence", "replacement", "completeness"]
    note = "Features of the circuit are first looked for at their positions in 'dallas'. In prompts of another length, "
    assert f"{note}the same position may be another place: winter, night." in found.notes
    for at, name in enumerate(ORDER):
        alone = examples[name].score_circuit(circuit="followed", of=None if name == "dallas" else "dallas")
        values = [line.values[at] for line in scores]
        assert values == pytest.approx([alone.influence, alone.replacement, alone.completeness])
    dallas.delete_circuit("followed")


@pytest.mark.parametrize(
    "on",
    [{"targets": ["logit:1"]}, {"targets": ["logit:2", "logit:3"]}, {"targets": ["logit:1"], "minus": ["logit:2"]}],
)
def test_everything_is_measured_on_chosen_targets(on: dict[str, Any], atlas: Atlas, examples: Examples) -> None:
    dallas = examples["dallas"]
    dallas.circuit(nodes=10, name="followed", replace=True)
    features = ["20/44686", "1/72774"]
    found = atlas.series(*ORDER, features=features, must_pass=["1/72774"], circuit="followed", of="dallas", **on)
    lines = {(line.measure, line.name): line.values for line in found}
    for at, name in enumerate(ORDER):
        if len(examples[name].stats().logits) < 3 and on != {"targets": ["logit:1"]}:
            assert {line.values[at] for line in found} == {None}
            continue
        by_feature = examples[name].influence_by("feature", k=10_000, **on).groups
        groups = {group.group: group.influence for group in by_feature}
        for feature, line in zip(features, found.lines[-2:], strict=True):
            assert line.values[at] == (pytest.approx(groups[key]) if (key := f"feature:{feature}") in groups else None)
        [best] = examples[name].paths(
            must_pass=["1/72774"], score="product", sign="promoting", min_hops=2, k=1, **on
        ) or [None]
        assert lines["product", "best path through 1/72774"][at] == (best and best.score)
        if "minus" not in on:
            alone = examples[name].score_circuit(circuit="followed", of=None if name == "dallas" else "dallas", **on)
            assert lines["influence", "circuit followed"][at] == pytest.approx(alone.influence)
            assert lines["replacement", "circuit followed"][at] == pytest.approx(alone.replacement)
            assert lines["completeness", "circuit followed"][at] == pytest.approx(alone.completeness)
    dallas.delete_circuit("followed")


def test_a_target_that_some_graphs_do_not_have(run: Run, atlas: Atlas, examples: Examples) -> None:
    found = atlas.series("winter", "night", features=["1/72774"], targets=["logit:night"])
    assert [value is None for value in found[0].values] == [True, False]
    assert found.notes == ["Graphs without the target logit:night, and so without values: winter."]
    with pytest.raises(NodeNotFoundError, match="Nowhere"):
        atlas.series(*ORDER, targets=["Nowhere"])
    by_name = atlas.series("winter", "night", features=["1/72774"], targets=["night"])  # the other prompt has the token
    assert by_name[0].values == found[0].values
    with pytest.raises(NodeNotFoundError, match="3/999"):
        atlas.series("winter", "night", must_pass=["3/999"], targets=["night"])
    both = atlas.series("winter", "night", features=["1/72774"], must_pass=["3/999"], targets=["night"])
    assert any(note.startswith("No path: ") and "3/999" in note for note in both.notes)
    done = run("series", "night", "--feature", "1/72774", "--to", "logit:1", "--minus", "logit:2", "--table")
    assert done.stdout.splitlines()[0] == "1 graph (target logit:1 \N{MINUS SIGN} logit:2): influence of features"


def test_what_cannot_be_measured_in_some_graphs_is_said(
    atlas: Atlas, examples: Examples, new_name: Callable[[], str], tmp_path: Path
) -> None:
    """Logits that are taken from themselves, a graph without logits, and one with a cycle."""
    with pytest.raises(InvalidArgumentError, match="in the contrast twice"):
        atlas.series("winter", "night", features=["1/72774"], minus=["winter"])
    document, other = example_document("dallas"), new_name()
    first, second, *_ = sorted((node["token_prob"], i) for i, node in enumerate(document["nodes"]))[::-1]
    for (probability, _), (_, i) in ((first, second), (second, first)):
        document["nodes"][i]["token_prob"] = probability
    (tmp_path / "other.json").write_text(json.dumps(document))
    atlas.ingest(tmp_path / "other.json", name=other)
    best = examples["dallas"].stats().logits[0].node
    found = atlas.series("dallas", other, features=["1/72774"], minus=[best.name])
    assert [value is None for value in found[0].values] == [True, False]
    reason = f"cannot be measured ({best.key} ({best.name}) is in the contrast twice)"
    assert any(note.endswith(f"{reason}, so there are no values for: dallas.") for note in found.notes)
    bare, cyclic = new_name(), new_name()
    load_graph(atlas, make_graph([0, 1, 1], [(0, 1, 1.0)], logit=False), name=bare)
    edges = [(1, 2, 1.0), (2, 1, 1.0), (1, 3, 1.0), (0, 3, 1.0)]  # what flows back into the cycle never leaves it
    load_graph(atlas, make_graph([0, 1, 1, 2], edges), name=cyclic)
    place = next(node for node in atlas.graph(cyclic).nodes() if node.kind is Kind.FEATURE)
    logit = atlas.graph(cyclic).stats().logits[0].node.key
    found = atlas.series(bare, cyclic, features=[f"{place.layer}/{place.index}"], targets=[logit])
    assert found[0].values == [None, None]
    assert f"Graphs without the target {logit}, and so without values: {bare}." in found.notes
    assert f"Graphs without a defined influence, and so without values of features: {cyclic}." in found.notes
    assert not any("has no influence" in note for note in found.notes)  # which would be 0


def test_what_graphs_do_not_have_is_said(atlas: Atlas, examples: Examples, new_name: Callable[[], str]) -> None:
    handle, bare = examples["dallas"], new_name()
    handle.score_circuit(["20/44686@10", "token:1", "logit:1"], name="lonely", replace=True)
    found = atlas.series("dallas", "night", circuit="lonely", of="dallas")
    assert found.notes == ["Features of circuit 'lonely' (1 in all) are missing in: night (1)."]
    assert [line.values[1] for line in found] == [None, None, None]
    alone = handle.score_circuit(circuit="lonely")
    assert [line.values[0] for line in found] == [alone.influence, alone.replacement, alone.completeness]
    handle.score_circuit(["token:1", "logit:1"], name="lonely", replace=True)
    found = atlas.series("night", "dallas", circuit="lonely", of="dallas")
    assert found.notes == ["Circuit 'lonely' of 'dallas' has no features, so it cannot be found in other graphs."]
    handle.delete_circuit("lonely")
    load_graph(atlas, make_graph([0, 1, 1], [(0, 1, 1.0)]), name=bare)
    assert atlas.series(bare, must_pass=["token:0"])[0].values == [None]
    no_logits, no_tokens = new_name(), new_name()
    load_graph(atlas, make_graph([0, 1, 1], [(0, 1, 1.0)], logit=False), name=no_logits)
    load_graph(atlas, make_graph([1, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)]), name=no_tokens)
    found = atlas.series(bare, no_logits, no_tokens, must_pass=["token:0"])
    assert found[0].values == [None, None, None]
    assert f"Graphs without logits, and so without paths and scores: {no_logits}." in found.notes
    assert f"Graphs without tokens, and so without paths: {no_tokens}." in found.notes
    one = atlas.series("dallas")
    assert one.lines == []
    assert one.notes == ["Influence is defined in fewer than two of these graphs, so there is no change to show."]


def test_influence_that_is_not_defined_is_not_zero(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Of logits without probabilities."""
    names = [new_name(), new_name(), new_name()]
    for name, (weight, probability) in zip(names, [(1.0, 0.5), (2.0, 0.5), (1.0, None)], strict=True):
        graph = make_graph([0, 1, 1, 2], [(0, 1, 1.0), (0, 2, 1.0), (1, 3, weight), (2, 3, 1.0)])
        graph.nodes.probability[3] = np.nan if probability is None else probability
        load_graph(atlas, graph, name=name)
    node = next(node for node in atlas.graph(names[0]).nodes() if node.kind == "feature")
    followed = atlas.series(*names, features=[f"{node.layer}/{node.index}"])
    assert [value is None for value in followed[0].values] == [False, False, True]
    note = f"Graphs without a defined influence, and so without values of features: {names[2]}."
    assert note in followed.notes
    changing = atlas.series(*names)
    assert changing.notes == [note]
    assert len(changing) == 2
    load_graph(atlas, make_graph([0, 2], [(0, 1, 1.0)]), name=(name := new_name()))  # a token and a logit alone
    assert atlas.series(names[0], name, features=[f"{node.layer}/{node.index}"])[0].values[1] is None
    assert atlas.series(names[0], names[2]).lines == []  # it does not change between the graphs that have it


def test_a_node_to_pass_that_only_some_graphs_have(atlas: Atlas, examples: Examples) -> None:
    found = atlas.series(*ORDER, must_pass=["20/44686"])  # of Dallas alone
    assert [value is None for value in found[0].values] == [True, False, True]
    weak = atlas.series("dallas", must_pass=["logit:2"])
    assert weak[0].values == [None]
    assert weak.notes == ["No graph has a promoting path of at most 4 hops through logit:2."]
    with pytest.raises(NodeNotFoundError, match="3/999"):
        atlas.series(*ORDER, must_pass=["3/999"])


def test_graphs_of_a_tag_are_sorted_by_the_numbers_in_their_names(
    atlas: Atlas, examples: Examples, new_name: Callable[[], str], run: Run
) -> None:
    tag = new_name()
    names = [f"{tag}@{number}" for number in (1, 2, 10)]
    for name in names[::-1]:
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)]), name=name, tags=[tag])
    found = atlas.series(tags=[tag])
    assert [step.graph for step in found.steps] == names
    assert [step.graph for step in atlas.series(names[2], tags=[tag]).steps] == [names[2], *names[:2]]
    assert sorted(["b2", "10", "a10", "a9", "9"], key=_natural) == ["9", "10", "a9", "a10", "b2"]
    assert _natural("run1") == _natural("run01")  # their names decide then
    done = run("series", "--tag", tag, "--table")
    assert done.stdout.splitlines()[0] == "3 graphs"
    assert "Every feature has the same influence in all of these graphs." in done.stderr
    fails(run("series"), 1, "no graphs given")
    fails(run("series", "--tag", tag, "--open"), 2, "--page")


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"circuit": "x"}, InvalidArgumentError, "needs the graph that has it"),
        ({"circuit": "no such", "of": "dallas"}, CircuitNotFoundError, "no such"),
        ({"features": ["20/1"]}, NodeNotFoundError, "20/1"),
        ({"score": "best"}, InvalidArgumentError, "best"),
        ({"k": 0}, InvalidArgumentError, "k cannot be 0"),
        ({"k": 3, "features": ["20/44686"]}, InvalidArgumentError, "k has no effect"),
        ({"score": "mean", "features": ["20/44686"]}, InvalidArgumentError, "score has no effect"),
    ],
)
def test_what_cannot_be_followed_is_an_error(
    asked: Any, error: type[Exception], message: str, atlas: Atlas, examples: Examples
) -> None:
    with pytest.raises(error, match=message):
        atlas.series(*ORDER, **asked)


def test_graphs_of_other_transcoders_are_no_series(atlas: Atlas, examples: Examples) -> None:
    with pytest.raises(InvalidArgumentError, match="2 models or sets of transcoders"):
        atlas.series("dallas", "opposite-small")
