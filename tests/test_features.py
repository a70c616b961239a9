"""Features across graphs: what is found is what the files say."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest
from support.examples import ANALOGIES, EXAMPLES, example_file, ingest_examples
from support.graphs import make_graph
from support.program import Run, run_program
from support.two_files import File

from circuit_atlas import Atlas
from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import (
    AmbiguousNodeError,
    GraphNotFoundError,
    InvalidArgumentError,
    NodeNotFoundError,
    NotFoundError,
)
from circuit_atlas.graph.intervals import mean_over
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.queries import features, graph_sets
from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.queries.feature_results import Motif

TEXAS = (20, 44686)
Feature = tuple[int, int]
SignedMotif = tuple[tuple[str, str, str], tuple[bool, bool]]  # its nodes, and whether its effects are positive


@pytest.fixture(scope="module")
def files() -> dict[str, File]:
    return {name: File(example_file(name), "feature") for name in ("dallas", *ANALOGIES)}


def features_of(file: File) -> dict[Feature, float]:
    """Influence of the features of a file, by layer and index."""
    return {
        (int(layer), int(index)): value
        for identity, value in file.influence.items()
        if identity.startswith("feature:")
        for layer, index in [identity.removeprefix("feature:").split("/")]
    }


def test_common_features_and_those_of_one_graph_only(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    influence = {name: features_of(file) for name, file in files.items()}
    all_have = set.intersection(*(set(influence[name]) for name in ANALOGIES))
    assert len(all_have) > 50
    common = atlas.common_features(*ANALOGIES, k=1000)
    assert common.total == len(all_have)
    found = {(shared.feature.layer, shared.feature.index): shared for shared in common.features}
    assert found.keys() == all_have
    for feature, shared in found.items():
        influences = {occurrence.graph: occurrence.influence for occurrence in shared.occurrences}
        assert influences == pytest.approx({name: influence[name][feature] for name in ANALOGIES}, abs=1e-6)
        assert shared.influence == min(influences.values())
    least = [shared.influence for shared in common.features]
    assert least == sorted(least, reverse=True)
    assert atlas.common_features(tags=["analogies"], k=3).features == common.features[:3]
    only_winter = influence["winter"].keys() - influence["night"].keys()
    only = atlas.only_features("winter", without=["night"], k=1000)
    assert {(shared.feature.layer, shared.feature.index) for shared in only.features} == only_winter
    assert only.total == len(only_winter)
    others = set().union(*(influence[name] for name in ANALOGIES if name != "night"))
    night_alone = atlas.only_features("night", without=[name for name in ANALOGIES if name != "night"], k=5)
    assert night_alone.total == len(influence["night"].keys() - others)
    assert atlas.only_features("night", without_tags=["analogies"]).total == night_alone.total
    assert atlas.common_features("dallas").total == len(influence["dallas"])
    pair = influence["dallas"].keys() & influence["night"].keys()
    assert atlas.common_features("dallas", "night").total == len(pair)
    assert atlas.common_features("dallas", "dallas-llama").total == 0  # of other transcoders


def test_a_feature_lists_its_activations(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
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
    having = [name for name, file in files.items() if (1, 12928) in features_of(file)]
    assert having == list(files)
    everywhere = atlas.feature("1/12928", neighbors=1)
    assert everywhere.total == len(having)
    assert {a.graph for a in everywhere.activations} == set(having)
    assert {a.graph for a in atlas.feature("1/12928", graphs=["night"]).activations} == {"night"}
    tagged = atlas.feature("1/12928", tags=["analogies"], neighbors=1)
    assert {a.graph for a in tagged.activations} == set(ANALOGIES)
    assert tagged.activations == [a for a in everywhere.activations if a.graph != "dallas"]
    assert len({a.graph for a in atlas.feature("1/12928", k=1).activations}) == 1


def test_unknown_features_graphs_and_tags_are_errors(atlas: Atlas, examples: Any) -> None:
    with pytest.raises(NodeNotFoundError, match="no graph has a feature"):
        atlas.feature("99/1")
    with pytest.raises(InvalidArgumentError, match="is not a feature"):
        atlas.feature("token:9", graph="dallas")
    with pytest.raises(GraphNotFoundError):
        atlas.feature("20/44686", graphs=["nowhere"])
    with pytest.raises(NotFoundError, match="no graph has the tag"):
        atlas.common_features("dallas", tags=["nothing"])
    with pytest.raises(InvalidArgumentError, match="no graphs given"):
        atlas.common_features()
    with pytest.raises(InvalidArgumentError, match="share"):
        atlas.recurring(share=2)


def test_a_feature_that_is_active_nowhere_is_not_found(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """A label keeps it in the database when its graph is deleted; other graphs of its set stay."""
    first, second = new_name(), new_name()
    for name, layers in ((first, [0, 1, 2]), (second, [0, 3, 4])):
        load_graph(atlas, make_graph(layers, [(0, 1, 1.0), (1, 2, 1.0)]), name=name)
    atlas.label(first, "1/1", "unheardof")
    assert atlas.feature("unheardof").total == 1
    assert atlas.search("unheardof").hits[0].graphs == 1
    atlas.delete(first)
    try:
        assert atlas.search("unheardof").hits[0].graphs == 0
        for address in ("unheardof", "1/1"):
            with pytest.raises(NodeNotFoundError):
                atlas.feature(address, model="test")
    finally:
        atlas.cypher("MATCH (f:TranscoderFeature {explanation: 'unheardof'}) DETACH DELETE f", write=True)


def test_a_feature_is_read_from_json_again(examples: Any) -> None:
    details = examples["dallas"].node("feature:20/44686@10")
    assert details.transcoder_feature.explanations
    assert type(details).model_validate_json(details.to_json()).to_json() == details.to_json()


def test_a_feature_of_a_graph_is_of_its_model(atlas: Atlas, examples: Any) -> None:
    shown = atlas.feature("20/44686", graph="dallas")
    same = atlas.feature("20/44686", graph="dallas", model=shown.feature.model, source_set=shown.feature.source_set)
    assert same == shown
    for model, source_set in (("llama-3.2-1b", ""), ("", "other")):
        with pytest.raises(NodeNotFoundError, match=f"is a feature of {shown.feature.model} / "):
            atlas.feature("20/44686", graph="dallas", model=model, source_set=source_set)


def test_a_graph_that_is_published_meanwhile_is_of_the_set(
    atlas: Atlas, examples: Any, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two statements: the set is read before, and whether the graph exists is looked up after it."""
    name, once = new_name(), graph_sets.set_rows

    def publish_after(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
        rows = once(database, graphs, tags)
        monkeypatch.setattr(graph_sets, "set_rows", once)
        atlas.ingest(example_file("night"), name=name)
        return rows

    monkeypatch.setattr(graph_sets, "set_rows", publish_after)
    assert graph_sets.graph_set(atlas, ["dallas", name], []) == ["dallas", name]


def test_graphs_that_share_no_set_of_features_are_named() -> None:
    """A set of transcoders, or one of lorsas."""

    def row(graph: str, source_set: str, lorsas: str | None) -> dict[str, Any]:
        return {"graph": graph, "source_set": source_set, "lorsa_source_set": lorsas}

    inside = [row("a", "m / t", "m / l")]
    assert graph_sets.foreign_notes(inside, [row("b", "m / other", "m / l"), row("c", "m / t", None)]) == []
    [note] = graph_sets.foreign_notes(inside, [row("b", "m / other", None), row("c", "m / other", "m / more")])
    assert note.startswith("b, c are of other sets of transcoders")
    assert graph_sets.mixed_notes([*inside, row("b", "m / t", None)]) == []
    [note] = graph_sets.mixed_notes([*inside, row("b", "m / t", "m / more")])
    assert note.startswith("The graphs have 2 sets of lorsas")


def test_features_of_more_keys_than_a_statement_takes(
    atlas: Atlas, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = examples["dallas"].stats()
    about = {"model": graph.model, "source_set": graph.source_set, "lorsa_source_set": None}
    keys = ["feature:20/44686", "feature:1/72774", "feature:0/1", "token:1"]
    found = features.named_features(atlas, keys, about)
    assert list(found) == keys[:2]
    monkeypatch.setattr(features, "MAX_ROWS", 1)
    assert features.named_features(atlas, keys, about) == found


def test_graphs_in_which_influence_is_not_defined_are_named(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = [new_name(), new_name()]
    for name, probability in zip(names, (0.5, np.nan), strict=True):
        graph = make_graph([0, 17, 19], [(0, 1, 1.0), (1, 2, 1.0)])
        graph.nodes.probability[2] = probability
        load_graph(atlas, graph, name=name)
    shown = atlas.feature("17/1", model="test")
    assert [place.graph for place in shown.activations] == names
    assert shown.notes == [f"Influence is not defined in {names[1]}, and counts as 0 there."]


def test_only_features_of_the_set_are_suggested(atlas: Atlas, examples: Any) -> None:
    sets = {graph.graph: graph.source_set for graph in atlas.graphs().graphs}
    with pytest.raises(NodeNotFoundError, match="20/44686"):
        atlas.feature("20/44687", source_set=sets["dallas"])
    with pytest.raises(NodeNotFoundError) as raised:
        atlas.feature("20/44687", source_set=sets["opposite-small"])
    assert "20/44686" not in str(raised.value)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_picture_of_features_is_that_of_the_rows(k: int, atlas: Atlas, examples: Any) -> None:
    query = find_query("features.only")
    values = query.complete({"graphs": ["night", "winter", "foot"], "k": k})
    listed = [(row["feature"]["layer"], row["feature"]["index"]) for row in atlas.query(query.id, values).rows]
    with atlas.driver.session() as session:
        drawn = {(p.end_node["layer"], p.end_node["index"]) for [p] in session.run(query.visual(), values)}
    assert drawn == set(listed)
    assert len(drawn) == k


def test_a_feature_of_two_models_is_ambiguous(atlas: Atlas, examples: Any) -> None:
    both = """
        MATCH (f:TranscoderFeature) WITH f.layer AS layer, f.index AS index, collect(DISTINCT f.model) AS models
        WHERE size(models) > 1 RETURN layer, index, models LIMIT 1
        """
    rows = atlas.cypher(both).rows
    if not rows:
        pytest.skip("the examples share none")
    address = f"{rows[0]['layer']}/{rows[0]['index']}"
    with pytest.raises(AmbiguousNodeError, match="matches 2"):
        atlas.feature(address)
    assert atlas.feature(address, model=rows[0]["models"][0]).total >= 1


def signed(motif: Motif) -> SignedMotif:
    first, middle, last = (node.key.partition("@")[0] for node in motif.nodes)
    return (first, middle, last), (motif.weights[0] > 0, motif.weights[1] > 0)


def motifs_of(file: File, width: int) -> dict[SignedMotif, list[tuple[float, float]]]:
    """Effects on a feature and of it, each among its strongest of features, and of features and logits: the weights of
    each motif, wherever it is."""
    inputs: dict[int, list[tuple[float, int]]] = defaultdict(list)
    outputs: dict[int, list[tuple[float, int]]] = defaultdict(list)
    kinds = [identity.partition(":")[0] for identity in file.identities]
    for source, target, weight in file.found.edges:
        if kinds[source] == "feature":
            inputs[target].append((-abs(weight), source))
        if kinds[target] in ("feature", "logit"):
            outputs[source].append((-abs(weight), target))
    weights = {(source, target): weight for source, target, weight in file.found.edges}
    found: dict[SignedMotif, list[tuple[float, float]]] = defaultdict(list)
    for middle in (node for node, kind in enumerate(kinds) if kind == "feature"):
        for (_, first), (_, last) in product(sorted(inputs[middle])[:width], sorted(outputs[middle])[:width]):
            pair = weights[first, middle], weights[middle, last]
            nodes = file.identities[first], file.identities[middle], file.identities[last]
            found[nodes, (pair[0] > 0, pair[1] > 0)].append(pair)
    return found


def test_recurring_features_and_motifs_equal_brute_force(atlas: Atlas, examples: Any, files: dict[str, File]) -> None:
    """Features and motifs that at least four of the five analogies have."""
    found = atlas.recurring(*ANALOGIES, share=0.8, k=10_000)
    assert found.graphs == len(ANALOGIES)
    features = Counter(feature for name in ANALOGIES for feature in features_of(files[name]))
    wanted = {feature: number for feature, number in features.items() if number >= 4}
    assert {(row.feature.layer, row.feature.index): row.graphs for row in found.features} == wanted
    for one in found.features:
        key = f"feature:{one.feature.layer}/{one.feature.index}"
        influences = [files[name].influence[key] for name in ANALOGIES if key in files[name].influence]
        expected = mean_over(one.graphs, fmean(influences), pstdev(influences))
        assert (one.influence, one.influence_low, one.influence_high) == pytest.approx(expected, abs=1e-6)
    middles = [f"feature:{row.feature.layer}/{row.feature.index}" for row in found.features[:100]]
    each = [motifs_of(files[name], 3) for name in ANALOGIES]
    counts = Counter(motif for of_file in each for motif in of_file)
    places = {motif: [pair for of_file in each for pair in of_file.get(motif, ())] for motif in counts}
    motifs = {signed(motif): motif for motif in found.motifs}
    assert len(motifs) == len(found.motifs)
    assert {motif: row.graphs for motif, row in motifs.items()} == {
        motif: number for motif, number in counts.items() if number >= 4 and motif[0][1] in middles
    }
    assert motifs
    for motif, row in motifs.items():
        assert row.weights == pytest.approx([fmean(weights) for weights in zip(*places[motif], strict=True)])
    assert atlas.recurring(tags=["analogies"], share=0.8, k=10_000) == found
    assert atlas.recurring("dallas").features == []


@pytest.mark.parametrize("k", [1, 7, 100])
def test_motifs_are_found_in_parts_as_by_one_statement(k: int, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Also a prompt with two sets of transcoders, where each motif of one has the weights of one of the other."""
    data = read_graph(example_file("night"))
    other = replace(data, metadata=data.metadata.model_copy(update={"source_set": "a set"}))
    names = [load_graph(atlas, one, name=new_name()).graph for one in (data, other, data, other)]
    for graphs in (names, list(ANALOGIES)):
        rows = atlas.query("recurring.motifs", {"graphs": graphs, "k": k}).rows
        expected = [(row["graphs"], [(n["graph"], n["key"]) for n in row["nodes"]]) for row in rows]
        found = atlas.recurring(*graphs, k=k).motifs
        assert [(one.graphs, [(one.example, node.key) for node in one.nodes]) for one in found] == expected
        assert len(found) == k


def test_tags_are_added_and_removed(own_atlas: Atlas, own_env: dict[str, str]) -> None:
    def tags() -> dict[str, list[str]]:
        return {tag.tag: tag.graphs for tag in own_atlas.tags().tags}

    ingest_examples(own_atlas, *ANALOGIES)
    assert tags() == {"analogies": list(ANALOGIES)}
    own_atlas.tag(*ANALOGIES, remove=["analogies"])
    own_atlas.tag("night", "winter", add=["a"])
    assert tags() == {"a": ["night", "winter"]}
    done = run_program("tag", "winter", "--add", "test-b", "--remove", "a", "--table", env=own_env)
    assert done.returncode == 0, done.stderr
    assert "test-b" in done.stdout
    assert tags() == {"a": ["night"], "test-b": ["winter"]}
    assert [summary.graph for summary in own_atlas.graphs(["a", "test-b"]).graphs] == ["night", "winter"]
    with pytest.raises(GraphNotFoundError):
        own_atlas.tag("night", "nowhere", add=["c"])
    with pytest.raises(InvalidArgumentError, match="invalid tag"):
        own_atlas.tag("night", add=["a~b"])
    with pytest.raises(InvalidArgumentError, match="nothing to do"):
        own_atlas.tag("night")
    with pytest.raises(InvalidArgumentError, match="the tag 'd' is both added and removed"):
        own_atlas.tag("night", add=["d"], remove=["a", "d"])
    assert tags() == {"a": ["night"], "test-b": ["winter"]}


def test_the_commands_for_features(run: Run, files: dict[str, File]) -> None:
    pair = len(features_of(files["night"]).keys() & features_of(files["winter"]).keys())
    analogies = len(set.intersection(*(set(features_of(files[name])) for name in ANALOGIES)))
    for command, shown in (
        (["features", "show", "dallas", "feature:20/44686@10"], "active in 1 graph\n"),
        (["features", "common", "night", "winter", "-k", "2"], f"{pair} features"),
        (["features", "only", "--tag", "analogies", "--not", "dallas-llama"], f"{analogies} features"),
        (["recurring", "--tag", "analogies", "-k", "2"], "5 of 5"),
        (["graphs", "--tag", "analogies"], "analogies"),
    ):
        done = run(*command, "--table")
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout
    assert run("features", "show", "a", "b", "c").returncode == 2
