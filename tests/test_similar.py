"""Which prompts work alike, as it follows from the files."""

from __future__ import annotations

import json
import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest
from support.examples import ANALOGIES, example_document, example_file
from support.graphs import make_graph
from support.program import Run, fails
from support.two_files import File, jaccard

from circuit_atlas import Atlas, tags
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError, NotFoundError
from circuit_atlas.graph.intervals import mean_over
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries import similar
from circuit_atlas.queries.similar_results import Clusters
from circuit_atlas.synth import Shape, synthesize


def weights(file: File, by: str) -> dict[Any, float]:
    """Of the features of a file, or of the effects between them, by what they are aligned by."""
    if by == "feature":
        found: dict[Any, float] = {key: value for key, value in file.influence.items() if key.startswith("feature:")}
    else:
        found = {ends: value for ends, value in file.weight.items() if all(end.startswith("feature:") for end in ends)}
    return {key: value for key, value in found.items() if value}


def cosine(a: dict[Any, float], b: dict[Any, float]) -> float:
    product = sum(value * b.get(key, 0.0) for key, value in a.items())
    return product / math.sqrt(sum(x * x for x in a.values()) * sum(x * x for x in b.values()))


@pytest.mark.parametrize("align", ["feature", "relative"])
@pytest.mark.parametrize("by", ["feature", "edge"])
def test_similarities_are_those_of_the_files(by: str, align: str, atlas: Atlas, examples: Any) -> None:
    files = {name: weights(File(example_file(name), align), by) for name in ANALOGIES}
    for measure, similarity in (("jaccard", jaccard), ("cosine", cosine)):
        how: dict[str, Any] = {"by": by, "measure": measure, "align": align, "tags": ["analogies"]}
        pairs = atlas.clusters(**how).data("pairs").rows
        found = {(row["a"], row["b"]): row["similarity"] for row in pairs}
        expected = {(a, b): similarity(files[a], files[b]) for a in files for b in files}
        assert found == pytest.approx(expected, rel=1e-4)  # influence is stored, and here computed from the file
        like = atlas.similar("night", k=3, **how)
        assert [one.other for one in like.graphs] == sorted(
            (name for name in files if name != "night"), key=lambda name: -expected["night", name]
        )[:3]
        assert (like.total, like.compared) == (len(files["night"]), 4)
        for one in like.graphs:
            assert one.similarity == pytest.approx(expected["night", one.other], rel=1e-4)
            assert one.total == len(files[one.other])
            assert one.shared == len(files[one.other].keys() & files["night"].keys())
            assert one.prompt == example_document(one.other)["metadata"]["prompt"]


@pytest.mark.parametrize("k", [1, 2, 10])
def test_graphs_that_cannot_be_among_the_most_similar_are_not_added_up(
    k: int, atlas: Atlas, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are the same, however few graphs are added up at once."""
    expected = atlas.similar("night", k=k)
    monkeypatch.setattr(similar, "_ADDED_UP_TOGETHER", 1)
    assert atlas.similar("night", k=k) == expected
    assert len(expected.graphs) == min(k, expected.compared)


def test_groups_and_what_is_characteristic_of_them(atlas: Atlas, examples: Any) -> None:
    found = atlas.clusters("dallas", tags=["analogies"], by="edge", groups=2, k=4)
    alone, rest = sorted(found.groups, key=lambda group: len(group.graphs))
    assert alone.graphs == ["dallas"]
    assert sorted(rest.graphs) == sorted(ANALOGIES)
    files = {name: weights(File(example_file(name), "feature"), "feature") for name in found.graphs}
    mean: dict[str, float] = defaultdict(float)
    active: Counter[str] = Counter()
    for name in ANALOGIES:
        active.update(files[name].keys())
        for key, value in files[name].items():
            mean[key] += value / len(ANALOGIES)
    best = sorted(mean, key=lambda key: files["dallas"].get(key, 0.0) - mean[key])[:4]
    for one, key in zip(rest.features, best, strict=True):
        assert f"feature:{one.feature.layer}/{one.feature.index}" == key
        assert one.influence == pytest.approx(mean[key], rel=1e-4)
        assert one.rest_influence == pytest.approx(files["dallas"].get(key, 0.0), rel=1e-4)
        each = [files[name].get(key, 0.0) for name in ANALOGIES]
        assert (one.influence_low, one.influence_high) == pytest.approx(
            mean_over(5, fmean(each), pstdev(each))[1:], rel=1e-4
        )
        assert (one.rest_influence_low, one.rest_influence_high) == (None, None)  # of one graph
        assert (one.graphs, one.rest) == (active[key], key in files["dallas"])
    similarity = found.matrix().loc[rest.graphs, rest.graphs].to_numpy()
    assert rest.within == pytest.approx(similarity[np.triu_indices(5, 1)].mean())
    assert rest.within_low < rest.within < rest.within_high  # type: ignore[operator]
    assert (alone.within, alone.rest_low) == (None, None)
    assert alone.rest == pytest.approx(rest.rest)
    assert found == atlas.clusters("dallas", tags=["analogies"], by="edge", groups=2, k=4)  # drawn with a seed
    assert [row["graph"] for row in found.data("members").rows] == found.graphs
    assert len([*found.data("features").rows]) == 8
    with pytest.raises(InvalidArgumentError, match="only a whole answer"):
        atlas.view_clusters(found[:1])
    for part in (found[::-1], found.only([1, 0])):  # whole, but in another order
        with pytest.raises(InvalidArgumentError, match="only a whole answer"):
            part.matrix()
        pairs = part.data("pairs")
        for _ in range(2):
            with pytest.raises(InvalidArgumentError, match="only a whole answer"):
                list(pairs.rows)


def test_questions_that_cannot_be_meant(atlas: Atlas, examples: Any) -> None:
    for graphs, asked, told in (
        ([], {}, "no graphs given"),
        (["dallas"], {}, "'dallas' is the only graph"),
        (["dallas", "dallas-haiku"], {}, "2 models or sets of transcoders"),
        (["dallas", "night"], {"groups": 2, "threshold": 0.5}, "cannot be combined"),
        (["dallas", "night"], {"groups": 3}, "It must be 1 to 2"),
        (["dallas", "night"], {"threshold": 2.0}, "-1 to 1"),
        (["dallas", "night"], {"by": "token"}, "feature, edge"),
        (["dallas", "night"], {"measure": "euclid"}, "jaccard, cosine"),
    ):
        with pytest.raises(InvalidArgumentError, match=told):
            atlas.clusters(*graphs, **asked)
    for tag, error, told in (("nothing", NotFoundError, "no graph has the tag"), ("analogies", None, "no other graph")):
        with pytest.raises(error or InvalidArgumentError, match=told):
            atlas.similar("dallas-haiku", tags=[tag])
    with pytest.raises(GraphNotFoundError):
        atlas.similar("nothing")
    with pytest.raises(InvalidArgumentError, match="k cannot be 0"):
        atlas.similar("dallas", k=0)
    assert any("another model or set of transcoders" in note for note in atlas.similar("dallas").notes)
    pair = atlas.clusters("dallas", "night")
    assert [len(group.graphs) for group in pair.groups] == [2]  # two graphs are one group
    assert pair.groups[0].rest is None


@pytest.fixture
def tagged(atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> tuple[str, list[str]]:
    """A tag, and its graphs: night, the same once more, winter, and one without features."""
    names, tag = [new_name() for _ in range(4)], f"tag-{uuid.uuid4().hex[:8]}"
    document = example_document("night")
    kept = {row["node_id"] for row in document["nodes"] if row["feature_type"] in ("embedding", "logit")}
    document["nodes"] = [row for row in document["nodes"] if row["node_id"] in kept]
    document["links"] = [link for link in document["links"] if {link["source"], link["target"]} <= kept]
    (tmp_path / "bare.json").write_text(json.dumps(document), encoding="utf-8")
    files = [*map(example_file, ("night", "night", "winter")), tmp_path / "bare.json"]
    for name, file in zip(names, files, strict=True):
        atlas.ingest(file, name=name, tags=[tag])
    return tag, names


def test_graphs_that_are_the_same_and_graphs_without_features(atlas: Atlas, tagged: tuple[str, list[str]]) -> None:
    tag, (first, same, other, bare) = tagged
    like = atlas.similar(first, tags=[tag])
    assert [one.other for one in like.graphs] == [same, other, bare]
    assert [like.graphs[0].similarity, like.graphs[2].similarity] == [1, 0]
    assert any("same content" in note for note in like.notes)
    with pytest.raises(InvalidArgumentError, match="no feature with a weight"):
        atlas.similar(bare, tags=[tag])
    found = atlas.clusters(tags=[tag], threshold=1.0)
    assert sorted(map(len, (group.graphs for group in found.groups))) == [1, 2]
    assert found.notes[0].startswith(f"{bare} is left out")
    assert "same content" in found.notes[1]
    with pytest.raises(InvalidArgumentError, match=f"'{first}' is the only graph"):
        atlas.clusters(first, bare)


def test_groups_are_written_as_tags_only_on_request(atlas: Atlas, tagged: tuple[str, list[str]], run: Run) -> None:
    tag, (first, same, other, bare) = tagged

    def tags() -> dict[str, set[str]]:
        return {one.tag: set(one.graphs) for one in atlas.tags().tags if one.tag.startswith(f"{tag}-")}

    found = atlas.clusters(tags=[tag], groups=2)
    assert tags() == {}
    done = run("clusters", "--tag", tag, "--groups", "2", "--tag-groups", tag)
    assert f"Tagged the graphs of 2 groups: {tag}-1" in done.stderr
    assert json.loads(done.stdout)["groups"] == json.loads(found.to_json())["groups"]
    assert tags() == {f"{tag}-{group.group}": set(group.graphs) for group in found.groups}
    atlas.tag_groups(atlas.clusters(tags=[tag], groups=1), tag)
    assert tags() == {f"{tag}-1": {first, same, other}}
    atlas.tag(bare, add=[f"{tag}-1"])
    with pytest.raises(InvalidArgumentError, match=f"'{bare}' has the tag '{tag}-1'"):
        atlas.tag_groups(found, tag)
    assert tags() == {f"{tag}-1": {first, same, other, bare}}
    atlas.tag(bare, remove=[f"{tag}-1"], add=[f"{tag}-7"])
    with pytest.raises(InvalidArgumentError, match="already exist, but are not a full set of an earlier answer"):
        atlas.tag_groups(found, tag)


@pytest.mark.parametrize("written", range(6))
def test_tags_of_groups_can_be_written_again_after_an_interrupt(
    written: int, atlas: Atlas, tagged: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, (first, same, other, _) = tagged
    one = atlas.clusters(tags=[tag], groups=1)

    def grouped(*groups: list[str]) -> Clusters:
        made = [one.groups[0].model_copy(update={"group": i, "graphs": names}) for i, names in enumerate(groups, 1)]
        return one.model_copy(update={"groups": made})

    atlas.tag_groups(grouped([first], [same], [other]), tag)
    found = grouped([first, same], [other])
    write, calls = tags.tag_graphs, count()

    def interrupted(*args: Any, **options: Any) -> Any:
        if next(calls) == written:
            raise KeyboardInterrupt
        return write(*args, **options)

    monkeypatch.setattr(tags, "tag_graphs", interrupted)
    with suppress(KeyboardInterrupt):
        atlas.tag_groups(found, tag)
    monkeypatch.setattr(tags, "tag_graphs", write)
    atlas.tag_groups(found, tag)
    now = {found.tag: set(found.graphs) for found in atlas.tags().tags if found.tag.startswith(f"{tag}-")}
    assert now == {f"{tag}-{group.group}": set(group.graphs) for group in found.groups}


def test_tags_of_groups_are_all_valid_or_none_is_written(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """The tag of the tenth group is too long, those of the others are not."""
    names = [new_name() for _ in range(10)]
    for seed, name in enumerate(names):
        load_graph(atlas, synthesize(Shape(layers=3, positions=2, features_per_layer=4, seed=seed)), name=name)
    found = atlas.clusters(*names, groups=10)
    with pytest.raises(InvalidArgumentError, match="invalid tag"):
        atlas.tag_groups(found, "p" * 198)
    assert [tag.tag for tag in atlas.tags().tags if tag.tag.startswith("ppp")] == []


def test_the_commands(run: Run, tmp_path: Path) -> None:
    table = run("similar", "night", "--tag", "analogies", "-k", "1", "--by", "edge", "--table").stdout
    assert "graphs like night" in table
    assert "jaccard of edges, the first 1 of 4" in table
    page = tmp_path / "page.html"
    how = ("--measure", "cosine", "--csv", "--rows", "members", "--page", str(page))
    done = run("clusters", "dallas", "--tag", "analogies", *how)
    assert done.stdout.splitlines()[0] == "group,graph"
    assert f"Wrote {page}." in done.stderr
    assert "6 graphs in 2 groups (cosine of features)" in page.read_text(encoding="utf-8")
    fails(run("clusters", "--tag", "analogies", "--open"), 2, "--page")


def test_a_first_token_that_a_graph_shares_is_aligned_whatever_others_begin_with(
    atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    """As `compare` aligns it: prompts of other lengths have their first tokens at other places from the end."""
    names = {}
    for what, tokens in {"a": ["<bos>", "x"], "b": ["<bos>", "x", "y"], "c": ["<s>", "x"]}.items():
        data = make_graph([0, 0, 1, 1, 2], [(0, 2, 1.0), (1, 3, 1.0), (2, 4, 3.0), (3, 4, 1.0)])
        last = len(tokens) - 1
        nodes = replace(
            data.nodes,
            position=np.array([0, last, 0, last, last], np.int32),
            index=np.array([0, 1, 7, 8, 9], np.int64),
            token=[tokens[0], tokens[-1], None, None, "end"],
        )
        names[what] = new_name()
        metadata = data.metadata.model_copy(update={"tokens": tokens, "n_pos": len(tokens)})
        load_graph(atlas, replace(data, nodes=nodes, metadata=metadata), name=names[what])
    a, b, c = names.values()
    found = {one.other: one.similarity for one in atlas.similar(a, align="relative")}
    for other in (b, c):
        assert found[other] == pytest.approx(atlas.compare(a, other).overlap("feature").similarity)
    assert (found[b], found[c]) == pytest.approx((1.0, 1.0))
    exact = {one.other: one.similarity for one in atlas.similar(a, align="exact")}
    assert exact[b] < 1
    assert any("first tokens" in note for note in atlas.clusters(a, b, c, align="relative").notes)
    assert not any("first tokens" in note for note in atlas.clusters(a, b, align="relative").notes)
