"""Two graphs laid over each other: the figures are those of an independent computation from the two files."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from support.examples import example_file
from support.graphs import make_graph
from support.program import Run
from support.two_files import File, jaccard

from circuit_atlas import Atlas
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.queries import compare_arrays
from circuit_atlas.queries.compare_arrays import Aligned
from circuit_atlas.queries.compare_results import _named as named

K = 10_000
NOTEBOOK: dict[str, Any] = {"score": "mean", "sign": "any", "min_hops": 1}  # paths as the notebook ranks them


@pytest.fixture(scope="module", params=[("dallas", "night"), ("night", "winter")], ids="-".join)
def names(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Prompts of 11 and 13 tokens that have little in common, and two of 13 tokens that have much."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture(scope="module", params=["relative", "exact", "feature"])
def files(names: tuple[str, str], request: pytest.FixtureRequest) -> tuple[File, File]:
    a, b = (File(example_file(name), request.param) for name in names)
    return a, b


def test_what_two_graphs_share_equals_brute_force(
    atlas: Atlas, examples: Any, names: tuple[str, str], files: tuple[File, File]
) -> None:
    a, b = files
    found = atlas.compare(*names, align=a.align, k=K, max_hops=3)
    ids = set(a.identities), set(b.identities)
    for pairs, wanted in (
        (found.nodes.shared, ids[0] & ids[1]),
        (found.nodes.only_a, ids[0] - ids[1]),
        (found.nodes.only_b, ids[1] - ids[0]),
    ):
        assert {pair.identity for pair in pairs} == wanted
        for pair in pairs:
            assert pair.influence_a == pytest.approx(a.influence.get(pair.identity, 0.0), abs=1e-6)
            assert pair.influence_b == pytest.approx(b.influence.get(pair.identity, 0.0), abs=1e-6)
    for effects, keys in (
        (found.direct_effects.shared, a.weight.keys() & b.weight.keys()),
        (found.direct_effects.only_a, a.weight.keys() - b.weight.keys()),
        (found.direct_effects.only_b, b.weight.keys() - a.weight.keys()),
    ):
        weights = {(e.source.identity, e.target.identity): (e.weight_a, e.weight_b) for e in effects}
        assert weights == {key: pytest.approx((a.weight.get(key, 0.0), b.weight.get(key, 0.0))) for key in keys}
        changes = [abs(effect.change) for effect in effects]
        assert changes == sorted(changes, reverse=True)
    assert found.overlap("direct effect").similarity == pytest.approx(jaccard(a.weight, b.weight))
    influences = [
        {identity: value for identity, value in file.influence.items() if identity.startswith("feature:")}
        for file in files
    ]
    assert found.overlap("feature").similarity == pytest.approx(jaccard(*influences), rel=1e-5)


def test_every_feature_has_its_layer_and_index(atlas: Atlas, examples: Any) -> None:
    """Names such as `:` are part of many keys."""
    found = atlas.compare("dallas", "night", k=K)
    features = [node for pairs in (found.nodes.shared, found.nodes.only_a) for node in pairs]
    features = [node for node in features if node.identity.startswith("feature:")]
    assert any(len(node.name) == 1 for node in features)
    assert len({named(node) for node in features}) == len(features)


def test_shared_features_at_any_position(atlas: Atlas, examples: Any, names: tuple[str, str]) -> None:
    a, b = (
        {identity for identity in File(example_file(name), "feature").identities if identity.startswith("feature:")}
        for name in names
    )
    features = atlas.compare(*names, align="feature").overlap("feature")
    assert (features.shared, features.only_a, features.only_b) == (len(a & b), len(a - b), len(b - a))


def test_shared_and_different_paths_equal_brute_force(
    atlas: Atlas, examples: Any, names: tuple[str, str], files: tuple[File, File]
) -> None:
    k, hops = 100, 3
    best = [file.best_paths(k, hops) for file in files]
    scores = [{tuple(ids): score for ids, score in reversed(paths)} for paths in best]
    found = atlas.compare(*names, align=files[0].align, k=k, max_hops=hops, **NOTEBOOK).paths
    assert {tuple(pair.identities) for pair in found.shared} == scores[0].keys() & scores[1].keys()
    assert {tuple(pair.identities) for pair in found.only_a} == scores[0].keys() - scores[1].keys()
    assert {tuple(pair.identities) for pair in found.only_b} == scores[1].keys() - scores[0].keys()
    for pair in (*found.shared, *found.only_a, *found.only_b):
        for path, known in zip((pair.a, pair.b), scores, strict=True):
            assert (path and path.score) == (pytest.approx(s) if (s := known.get(tuple(pair.identities))) else None)


def test_paths_that_promote_are_compared_by_default(atlas: Atlas, examples: Any) -> None:
    found = atlas.compare("night", "winter", k=5)
    assert (found.score, found.sign, found.min_hops, found.max_hops) == ("product", "promoting", 2, 4)
    for side, name in (("a", "night"), ("b", "winter")):
        best = examples[name].paths(k=5, score="product", sign="promoting", min_hops=2).paths
        there = [
            getattr(pair, side)
            for pairs in (found.paths.shared, found.paths.only_a, found.paths.only_b)
            for pair in pairs
        ]
        assert {str(path) for path in there if path} == {str(path) for path in best}
    of_night = atlas.compare("night", "winter", k=3, hops=3, sign="inhibiting", kinds=["feature"]).paths
    paths = [path for pairs in (of_night.shared, of_night.only_a) for pair in pairs if (path := pair.a)]
    assert paths
    assert all(path.hops == 3 and not path.promotes for path in paths)
    assert " -| " in str(atlas.compare("night", "winter", k=3, sign="inhibiting"))


@pytest.mark.parametrize("align", ["relative", "exact", "feature"])
def test_it_is_what_the_queries_of_the_catalogue_say(
    align: str, atlas: Atlas, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many direct effects are aligned at once."""
    question = {"a": "dallas", "b": "night", "align": align}
    whole = atlas.compare("dallas", "night", align=align, k=5)
    assert whole.overlaps == atlas.compare("dallas", "night", align=align, k=50).overlaps
    for overlap, row in zip(
        sorted(whole.overlaps, key=lambda overlap: overlap.what),
        atlas.query("compare.similarity", question).rows,
        strict=True,
    ):
        assert overlap.model_dump() == pytest.approx(row)
    for status in ("shared", "only_a", "only_b"):
        rows = atlas.query("compare.edges", {**question, "status": status, "k": 5}).rows
        found = getattr(whole.direct_effects, status)
        for effect, row in zip(found, rows, strict=True):
            assert (effect.source.identity, effect.target.identity) == (row["source"], row["target"])
            assert (effect.weight_a, effect.weight_b) == pytest.approx((row["weight_a"], row["weight_b"]))
            for end, side in product(("source", "target"), ("a", "b")):
                keys = [node.key for node in getattr(getattr(effect, end), side)]
                assert keys == [node["key"] for node in row[f"{end}_{side}"]]
    monkeypatch.setattr(compare_arrays, "_EDGES_PER_BLOCK", 500)
    in_parts = atlas.compare("dallas", "night", align=align, k=5)
    assert in_parts.direct_effects == whole.direct_effects
    for part, total in zip(in_parts.overlaps, whole.overlaps, strict=True):
        assert part.model_dump() == pytest.approx(total.model_dump())


def test_it_says_why_a_graph_has_no_path(atlas: Atlas, examples: Any) -> None:
    notes = atlas.compare("night", "foot", k=1, kinds=["error"], min_hops=2).notes
    assert [note.partition(":")[0] for note in notes] == ["In night", "In foot"]


def test_a_graph_equals_itself(atlas: Atlas, examples: Any) -> None:
    same = atlas.compare("dallas", "dallas", k=3)
    assert same.overlap("feature").similarity == same.overlap("direct effect").similarity == 1.0
    assert not same.nodes.only_a + same.nodes.only_b
    assert not same.paths.only_a + same.paths.only_b


def test_circuits_of_the_same_graph_need_not_share_everything(
    atlas: Atlas, examples: Any, new_name: Callable[[], str]
) -> None:
    names = [new_name() for _ in range(2)]
    for name, node in zip(names, ("20/44686@10", "7/86167@9"), strict=True):
        graph = atlas.ingest(example_file("dallas"), name=name)
        graph.score_circuit([graph.node(node).node.key], name="one")
    found = atlas.compare(*names, circuit="one")
    assert found.notes == [f"{names[0]!r} and {names[1]!r} have the same content."]
    assert found.nodes.only_a


def test_effects_of_another_sign_differ_however_small_they_are() -> None:
    yes, tiny = np.ones(1, np.bool_), np.array([1e-170])
    assert Aligned(yes, yes, tiny, -tiny).overlap()["smaller"] == 0.0
    assert Aligned(yes, yes, tiny, tiny).overlap()["smaller"] == 1e-170


def test_graphs_of_other_transcoders_share_none(atlas: Atlas, examples: Any) -> None:
    llama = atlas.compare("dallas", "dallas-llama", align="feature", k=3)
    assert llama.overlap("feature").shared == 0
    assert llama.overlap("token").shared > 5


def test_unknown_graphs_and_alignments_are_refused(atlas: Atlas, examples: Any, run: Run) -> None:
    with pytest.raises(GraphNotFoundError):
        atlas.compare("dallas", "nowhere")
    with pytest.raises(InvalidArgumentError, match="align"):
        atlas.compare("dallas", "night", align="near")
    done = run("compare", "dallas", "nowhere")
    assert done.returncode == 1
    assert "no graph is named 'nowhere'" in done.stderr


def test_graphs_without_direct_effects_can_be_compared(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = new_name(), new_name()
    for name in names:
        load_graph(atlas, make_graph([0, 1, 2], []), name=name)
    found = atlas.compare(*names)
    assert found.direct_effects.shared == found.direct_effects.only_a == found.direct_effects.only_b == []
    assert "direct effect" not in {overlap.what for overlap in found.overlaps}
