"""Features across graphs: what is found is what the files say."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from itertools import product
from typing import Any

import pytest
from support.examples import EXAMPLES, ingest_examples
from support.program import PROGRAM, Run
from support.two_files import File

from circuit_atlas import Atlas
from circuit_atlas.errors import (
    AmbiguousNodeError,
    GraphNotFoundError,
    InvalidArgumentError,
    NodeNotFoundError,
    NotFoundError,
)

TEXAS = (20, 44686)
Feature = tuple[int, int]


@pytest.fixture(scope="module")
def files() -> dict[str, File]:
    return {name: File(EXAMPLES / f"{name}.json", "feature") for name in ("dallas", "oakland")}


def features_of(file: File) -> dict[Feature, float]:
    """Influence of the features of a file, by layer and index."""
    return {
        (int(layer), int(index)): value
        for identity, value in file.influence.items()
        if identity.startswith("feature:")
        for layer, index in [identity.removeprefix("feature:").split("/")]
    }


def test_common_features_and_those_of_one_graph_only(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    dallas, oakland = features_of(files["dallas"]), features_of(files["oakland"])
    assert (len(dallas), len(oakland), len(dallas.keys() & oakland.keys())) == (246, 211, 132)
    common = atlas.common_features("dallas", "oakland", k=1000)
    assert common.total == 132
    found = {(shared.feature.layer, shared.feature.index): shared for shared in common.features}
    assert found.keys() == dallas.keys() & oakland.keys()
    for feature, shared in found.items():
        influences = [occurrence.influence for occurrence in shared.occurrences]
        assert influences == pytest.approx([dallas[feature], oakland[feature]], abs=1e-6)
        assert shared.influence == min(influences)
    least = [shared.influence for shared in common.features]
    assert least == sorted(least, reverse=True)
    assert atlas.common_features(tags=["capitals"], k=3).features == common.features[:3]
    only = atlas.only_features("dallas", without=["oakland"], k=1000)
    assert {(shared.feature.layer, shared.feature.index) for shared in only.features} == dallas.keys() - oakland.keys()
    assert only.total == 114
    assert atlas.only_features("oakland", without=["dallas"], k=5).total == 79
    assert atlas.only_features("dallas", without_tags=["capitals"]).total == 0
    assert atlas.common_features("dallas").total == 246
    assert atlas.common_features("dallas", "dallas-llama").total == 0  # of other transcoders


def test_a_feature_lists_its_activations(atlas: Atlas, examples: Any) -> None:
    document = json.loads((EXAMPLES / "dallas.json").read_text(encoding="utf-8"))
    rows = {node["node_id"]: node for node in document["nodes"]}
    own = {node_id: row["activation"] for node_id, row in rows.items() if node_id.startswith("20_44686_")}
    shown = atlas.feature("20/44686", neighbors=4)
    assert shown.total == 1
    assert {a.node.source_id: a.activation for a in shown.activations} == pytest.approx(own)
    for activation in shown.activations:
        inputs = [link for link in document["links"] if link["target"] == activation.node.source_id]
        outputs = [link for link in document["links"] if link["source"] == activation.node.source_id]
        for links, found in ((inputs, activation.inputs), (outputs, activation.outputs)):
            strongest = sorted((abs(link["weight"]) for link in links), reverse=True)[:4]
            assert [abs(neighbor.weight) for neighbor in found] == strongest
    assert atlas.feature("Texas locations/legal contexts", neighbors=4) == shown
    assert atlas.feature("feature:20/44686@10", graph="dallas", neighbors=4) == shown
    both = atlas.feature("1/12928", neighbors=1)
    assert both.total == 2
    assert {a.graph for a in both.activations} == {"dallas", "oakland"}
    assert {a.graph for a in atlas.feature("1/12928", graphs=["oakland"]).activations} == {"oakland"}
    assert atlas.feature("1/12928", tags=["capitals"], neighbors=1) == both
    assert len({a.graph for a in atlas.feature("1/12928", k=1).activations}) == 1


def test_unknown_features_graphs_and_tags_are_errors(atlas: Atlas, examples: Any) -> None:
    with pytest.raises(NodeNotFoundError, match="no graph has a feature"):
        atlas.feature("99/1")
    with pytest.raises(InvalidArgumentError, match="is no feature"):
        atlas.feature("token:9", graph="dallas")
    with pytest.raises(GraphNotFoundError):
        atlas.feature("20/44686", graphs=["nowhere"])
    with pytest.raises(NotFoundError, match="no graph has the tag"):
        atlas.common_features("dallas", tags=["nothing"])
    with pytest.raises(InvalidArgumentError, match="which graphs"):
        atlas.common_features()
    with pytest.raises(InvalidArgumentError, match="share"):
        atlas.recurring(share=2)


def test_a_feature_of_two_models_is_ambiguous(atlas: Atlas, examples: Any) -> None:
    both = """
        MATCH (f:TranscoderFeature) WITH f.layer AS layer, f.index AS index, collect(DISTINCT f.model) AS models
        WHERE size(models) > 1 RETURN layer, index, models LIMIT 1
        """
    rows = atlas.cypher(both).rows
    if not rows:
        pytest.skip("the examples share none")
    address = f"{rows[0]['layer']}/{rows[0]['index']}"
    with pytest.raises(AmbiguousNodeError, match="can mean 2"):
        atlas.feature(address)
    assert atlas.feature(address, model=rows[0]["models"][0]).total >= 1


def motifs_of(file: File, width: int) -> set[tuple[str, str, str]]:
    """Effects on a feature and of it, each among its strongest of features, and of features and logits."""
    inputs: dict[int, list[tuple[float, int]]] = defaultdict(list)
    outputs: dict[int, list[tuple[float, int]]] = defaultdict(list)
    kinds = [identity.partition(":")[0] for identity in file.identities]
    for source, target, weight in file.found.edges:
        if kinds[source] == "feature":
            inputs[target].append((-abs(weight), source))
        if kinds[target] in ("feature", "logit"):
            outputs[source].append((-abs(weight), target))
    return {
        (file.identities[first], file.identities[middle], file.identities[last])
        for middle, kind in enumerate(kinds)
        if kind == "feature"
        for (_, first), (_, last) in product(sorted(inputs[middle])[:width], sorted(outputs[middle])[:width])
    }


def test_recurring_features_and_motifs_equal_brute_force(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    found = atlas.recurring("dallas", "oakland", share=1, k=10_000)
    assert found.graphs == 2
    counts = Counter(feature for file in files.values() for feature in features_of(file))
    wanted = {feature for feature, number in counts.items() if number == 2}
    assert {(row.feature.layer, row.feature.index) for row in found.features} == wanted
    assert all(row.graphs == 2 for row in found.features)
    middles = [f"feature:{row.feature.layer}/{row.feature.index}" for row in found.features[:100]]
    shared = motifs_of(files["dallas"], 3) & motifs_of(files["oakland"], 3)
    motifs = {tuple(node.key.partition("@")[0] for node in motif.nodes) for motif in found.motifs}
    assert motifs == {motif for motif in shared if motif[1] in middles}
    assert motifs
    assert atlas.recurring(tags=["capitals"], share=1, k=10_000) == found
    assert atlas.recurring("dallas").features == []


def test_tags_are_added_and_removed(own_atlas: Atlas, own_env: dict[str, str]) -> None:
    def tags() -> dict[str, list[str]]:
        return {tag.tag: tag.graphs for tag in own_atlas.tags().tags}

    ingest_examples(own_atlas, "dallas", "oakland")
    assert tags() == {"capitals": ["dallas", "oakland"]}
    own_atlas.tag("dallas", "oakland", add=["a"], remove=["capitals"])
    assert tags() == {"a": ["dallas", "oakland"]}
    command = [PROGRAM, "tag", "oakland", "--add", "test-b", "--remove", "a", "--table"]
    done = subprocess.run(command, env=own_env, capture_output=True, text=True, check=True)
    assert "test-b" in done.stdout
    assert tags() == {"a": ["dallas"], "test-b": ["oakland"]}
    assert [summary.graph for summary in own_atlas.graphs(["a", "test-b"]).graphs] == ["dallas", "oakland"]
    with pytest.raises(GraphNotFoundError):
        own_atlas.tag("dallas", "nowhere", add=["c"])
    with pytest.raises(InvalidArgumentError, match="cannot be a tag"):
        own_atlas.tag("dallas", add=["a~b"])
    with pytest.raises(InvalidArgumentError, match="nothing to do"):
        own_atlas.tag("dallas")
    assert tags() == {"a": ["dallas"], "test-b": ["oakland"]}


def test_the_commands_for_features(run: Run) -> None:
    for command, shown in (
        (["features", "show", "dallas", "feature:20/44686@10"], "active in 1 graph\n"),
        (["features", "common", "dallas", "oakland", "-k", "2"], "132 features"),
        (["features", "only", "--tag", "capitals", "--not", "dallas-llama"], "132 features"),
        (["recurring", "--tag", "capitals", "-k", "2"], "2 of 2"),
        (["graphs", "--tag", "capitals"], "capitals"),
    ):
        done = run(*command, "--table")
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout
    assert run("features", "show", "a", "b", "c").returncode == 2
