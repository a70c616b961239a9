"""Attention features (lorsa), their errors, biases and QK pairs in the database: every question sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import oracle
from support.examples import DATA
from support.neuronpedia import fake_neuronpedia
from support.program import Run

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import AmbiguousNodeError, NodeNotFoundError
from circuit_atlas.schema.keys import Component, Kind
from circuit_atlas.views.layout import lay_out
from circuit_atlas.views.picture import read_picture

CRM, CHESS = DATA / "made-crm-lorsa-qk.json.gz", DATA / "chess-bt4-lorsa.json.gz"
KEY = "feature:9/lorsa/9838@14"
LORSAS = "llamascope-2-lorsa-8x-k64"
PAIRS = """
MATCH (g:Graph {name: $graph})
CALL (g) { MATCH (n:Node {graph: g.name}) RETURN n UNION MATCH (g)-[:QK_ONLY]->(n) RETURN n }
MATCH (n)-[r:QK_PAIR|QK_MARGINAL]->(m)
RETURN type(r) AS type, n.key AS start, m.key AS end, properties(r) AS p ORDER BY type DESC, r.side DESC, r.place
"""


@pytest.fixture
def graph(atlas: Atlas, new_name: Callable[[], str]) -> GraphHandle:
    return atlas.ingest(CRM, name=new_name())


@pytest.fixture
def other(atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> GraphHandle:
    """The same graph with the attention features of another set."""
    document = oracle.read_document(CRM)
    document["metadata"]["feature_details"]["neuronpedia_lorsa_source_set"] = "others"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    return atlas.ingest(path, name=new_name())


def test_statistics_count_them(graph: GraphHandle) -> None:
    found = graph.stats()
    counts = {"feature": 36, "error": 21, "token": 15, "logit": 3, "bias": 1, "other": 0, "total": 76}
    assert found.nodes.model_dump() == counts
    assert (found.replacement_score, found.completeness_score) == pytest.approx((0.401, 0.803), abs=5e-4)
    assert found.lorsa_source_set == LORSAS
    assert found.logits[0].token == " Sally"


def test_the_component_is_a_property(atlas: Atlas, graph: GraphHandle) -> None:
    statement = """
    MATCH (n:Node {graph: $graph}) WITH n.component AS component, count(*) AS n RETURN component, n ORDER BY component
    """
    rows = atlas.cypher(statement, {"graph": graph.name}).rows
    assert {row["component"]: row["n"] for row in rows} == {
        "transcoder": 18,
        "lorsa": 19,
        "mlp": 10,
        "attention": 11,
        None: 18,
    }


def test_qk_pairs_are_relationships_of_their_own(atlas: Atlas, graph: GraphHandle) -> None:
    rows = atlas.cypher(PAIRS, {"graph": graph.name}).rows
    assert [(row["type"], row["start"], row["end"], row["p"]) for row in rows] == [
        ("QK_PAIR", "feature:0/lorsa/10611@5", "feature:0/12937@5", {"attention": KEY, "value": 0.42, "place": 0}),
        ("QK_PAIR", "bias:9_bias_lorsa_bQ_14", "feature:4/777@5", {"attention": KEY, "value": -0.11, "place": 1}),
        ("QK_MARGINAL", "feature:4/777@5", KEY, {"side": "query", "value": 0.2, "place": 0}),
        ("QK_MARGINAL", "feature:0/12937@5", KEY, {"side": "key", "value": 0.33, "place": 0}),
    ]
    assert graph.stats().edges == 303  # they are no direct effects


def test_a_node_shows_its_qk_pairs(atlas: Atlas, graph: GraphHandle) -> None:
    found = graph.node(KEY)
    assert (found.node.component, found.depth) == (Component.LORSA, 8.5)
    assert found.qk is not None
    assert [(pair.query.key, pair.key.key, pair.value) for pair in found.qk.pairs] == [
        ("feature:0/lorsa/10611@5", "feature:0/12937@5", 0.42),
        ("bias:9_bias_lorsa_bQ_14", "feature:4/777@5", -0.11),
    ]
    assert [(one.node.name, one.value) for one in found.qk.queries] == [("feature 4/777", 0.2)]
    assert [(one.node.key, one.value) for one in found.qk.keys] == [("feature:0/12937@5", 0.33)]
    assert graph.node("feature:0/12937@5").qk is None
    rows = atlas.query("nodes.qk", {"graph": graph.name, "key": found.node.key, "k": 1}).rows
    assert [row["what"] for row in rows] == ["pair", "query", "key"]
    bias = graph.node("bias:9_bias_lorsa_bQ_14")
    assert (bias.node.kind, bias.node.component, bias.node.name) == (Kind.BIAS, "lorsa", "L9 Bias (lorsa_bQ)")


def test_nothing_is_left_of_a_deleted_graph(atlas: Atlas, graph: GraphHandle) -> None:
    atlas.delete(graph.name)
    left = atlas.cypher("MATCH (n:QkOnlyNode) WHERE NOT (n)<-[:QK_ONLY]-() RETURN count(n) AS n").rows
    assert left == [{"n": 0}]


def test_a_replaced_graph_has_its_pairs_once(atlas: Atlas, graph: GraphHandle, tmp_path: Path) -> None:
    document = oracle.read_document(CRM)
    document["metadata"]["prompt"] += "!"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    before = atlas.cypher(PAIRS, {"graph": graph.name}).rows
    atlas.ingest(path, name=graph.name, replace=True)
    assert atlas.cypher(PAIRS, {"graph": graph.name}).rows == before


@pytest.mark.parametrize("path", [CRM, CHESS], ids=lambda path: path.name)
def test_paths_through_features_are_those_of_the_file(path: Path, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """`--kind feature` passes features of both components, and the order of attention and MLP is kept."""
    graph, file = atlas.ingest(path, name=new_name()), oracle.read_file(path)
    types = [node["feature_type"] for node in oracle.read_document(path)["nodes"]]
    passes = lambda i: types[i] in ("lorsa", "cross layer transcoder")  # noqa: E731
    every = list(oracle.all_paths(file.edges, file.tokens, [file.top_logit], 5, passes=passes))
    wanted = sorted((sum(weights) / len(weights) for _, weights in every), reverse=True)
    found = graph.paths(max_hops=5, k=50, kinds=["feature"])
    assert [found_path.score for found_path in found.paths] == pytest.approx(wanted[:50])
    assert any(node.component is Component.LORSA for found_path in found.paths for node in found_path.nodes)
    assert graph.count(max_hops=5).total == len(list(oracle.all_paths(file.edges, file.tokens, [file.top_logit], 5)))


def test_features_show_attention_features(atlas: Atlas, graph: GraphHandle) -> None:
    for address in ("9/lorsa/9838", KEY, "9/9838"):
        found = atlas.feature(address, source_set=LORSAS)
        assert (found.feature.component, found.feature.source_set) == ("lorsa", LORSAS)
        assert graph.name in {activation.graph for activation in found.activations}
    assert "9/lorsa/9838" in found.heading
    with pytest.raises(NodeNotFoundError):
        atlas.feature("9/lorsa/1")
    followed = atlas.series(graph.name, features=["9/lorsa/9838", "4/6156"])
    assert [line.feature.component for line in followed if line.feature] == ["lorsa", "transcoder"]
    with pytest.raises(NodeNotFoundError):  # of a series, it is a feature of the transcoder
        atlas.series(graph.name, features=["9/9838"])
    with pytest.raises(NodeNotFoundError):
        atlas.feature("4/lorsa/6156", model="qwen3-1.7b")  # that is one of a transcoder
    assert atlas.feature("4/6156", model="qwen3-1.7b").feature.component == "transcoder"


def test_the_same_place_in_two_sets_is_ambiguous(atlas: Atlas, graph: GraphHandle, other: GraphHandle) -> None:
    with pytest.raises(AmbiguousNodeError) as raised:
        atlas.feature("9/lorsa/9838")
    assert {f"9/lorsa/9838 --model qwen3-1.7b --source-set {name}" for name in (LORSAS, "others")} <= set(
        raised.value.candidates
    )


def test_common_and_recurring_features(atlas: Atlas, graph: GraphHandle, other: GraphHandle, new_name: Any) -> None:
    same = atlas.ingest(CRM, name=new_name())
    common = {shared.feature.place for shared in atlas.common_features(graph.name, same.name, k=100).features}
    assert len(common) == 36
    assert sum("lorsa" in place for place in common) == 18
    apart = {shared.feature.place for shared in atlas.common_features(graph.name, other.name, k=100).features}
    assert apart == {place for place in common if "lorsa" not in place}
    recurring = atlas.recurring(graph.name, same.name, k=100)
    assert sum(found.feature.component is Component.LORSA for found in recurring.features) == 18
    assert any(node.component is Component.LORSA for motif in recurring.motifs for node in motif.nodes)
    # Attention features of another set are other features: motifs with them are in one graph each.
    motifs = atlas.recurring(graph.name, other.name, k=100).motifs
    assert motifs
    assert not any(node.component is Component.LORSA for motif in motifs for node in motif.nodes)


def test_graphs_are_compared_by_both_sets(atlas: Atlas, graph: GraphHandle, other: GraphHandle, new_name: Any) -> None:
    same = atlas.ingest(CRM, name=new_name())
    assert atlas.compare(graph.name, same.name).overlap("feature").similarity == pytest.approx(1)
    features = atlas.compare(graph.name, other.name).overlap("feature")
    assert (features.shared, features.only_a, features.only_b) == (18, 18, 18)


def test_explanations_of_both_sets_are_asked_for(atlas: Atlas, graph: GraphHandle) -> None:
    with fake_neuronpedia() as (fake, url):
        result = atlas.explain(graph.name, url=url, refetch=True, rate=1e9)
    asked = {layer.partition("-")[2] for _, layer, _ in fake.asked}
    assert (result.asked, result.skipped) == (36, [])
    assert asked == {LORSAS, "llamascope-2-transcoder-8x-k64"}


def test_what_neuronpedia_does_not_have_is_skipped(atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> None:
    """The features of the set that it has are all asked for, however influential those of the other are."""
    document = oracle.read_document(CRM)
    details = document["metadata"]["feature_details"]
    details |= {"neuronpedia_source_set": f"set-{new_name()}", "neuronpedia_lorsa_source_set": "a/repository"}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(document))
    graph = atlas.ingest(path, name=new_name())
    with fake_neuronpedia() as (_, url):
        result = atlas.explain(graph.name, url=url, limit=18, rate=1e9)
    assert result.asked == 18
    assert [skipped.source_set for skipped in result.skipped] == ["a/repository"]


def test_a_label_by_hand(atlas: Atlas, graph: GraphHandle) -> None:
    before = graph.node(KEY).node.name
    atlas.label(graph.name, KEY, "attends to the name")
    assert graph.node(KEY).node.name == "attends to the name"
    atlas.label(graph.name, KEY, None)
    assert graph.node(KEY).node.name == before


def test_supernodes_of_the_same_feature_tell_components_apart(
    atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    document = oracle.read_document(CRM)
    nodes = {node["node_id"]: node for node in document["nodes"]}
    for old, new in (("9_lor_9838_14", "4_lor_6156_14"),):
        nodes[old] |= {"node_id": new, "layer": 4}
        for link in document["links"]:
            link |= {end: new for end in ("source", "target") if link[end] == old}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(document))
    graph = atlas.ingest(path, name=new_name())
    rows = atlas.query("supernodes.same_feature", {"graph": graph.name, "min_positions": 1}).rows
    assert len(rows) == len({(row["layer"], row["index"], row["component"]) for row in rows})
    assert {row["component"] for row in rows if row["index"] == 6156} == {"lorsa", "transcoder"}


def test_a_picture_has_attention_below_the_mlp(graph: GraphHandle) -> None:
    picture = read_picture(graph)
    layout = lay_out(picture)
    height = {node.key: y for node, y in zip(picture.nodes, layout.y, strict=True)}
    below = [node for node in picture.nodes if node.layer == 0 and node.component in ("lorsa", "attention")]
    above = [node for node in picture.nodes if node.layer == 0 and node.component in ("transcoder", "mlp")]
    assert below
    assert max(height[node.key] for node in below) < min(height[node.key] for node in above)
    assert {"L0", "L2"} <= {f"L{depth:g}" for depth in layout.rows}


def test_a_picture_of_a_graph_without_tokens(atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> None:
    graph = atlas.ingest(CHESS, name=new_name())
    picture = read_picture(graph)
    assert picture.tokens == tuple(str(position) for position in range(64))
    graph.view().save(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_the_command_line(run: Run, atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    ingested = run("ingest", str(CHESS), "--name", name, "--json")
    [warning] = json.loads(ingested.stdout)["warnings"]
    assert warning in ingested.stderr
    assert run("verify", name, str(CHESS)).returncode == 0
    influence = json.loads(run("influence", name, "--kind", "feature", "-k", "1000", "--json").stdout)
    assert "lorsa" in {row["node"]["component"] for row in influence["contributors"]}
    shown = run("features", "show", "16/lorsa/9584", "--table")
    assert "feature 16/lorsa/9584 (16/lorsa/9584 of unknown / lc0/BT4-1024x15x32h/lorsa)" in shown.stdout
    paths = json.loads(run("paths", name, "--to", "a2c4", "--json").stdout)["paths"]
    assert paths[0]["nodes"][-1]["name"] == "a2c4"


def test_a_series_follows_features_of_its_own_sets(
    atlas: Atlas, graph: GraphHandle, new_name: Callable[[], str], tmp_path: Path
) -> None:
    atlas.label(graph.name, "4/6156", "mine and theirs")
    document = oracle.read_document(CRM)
    document["metadata"]["feature_details"]["neuronpedia_source_set"] = "others"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    other = atlas.ingest(path, name=new_name(), source_set="others")
    theirs = next(node.key for node in other.nodes() if node.component == "transcoder" and "4/6156" not in node.key)
    for address, name in (("4/6156", "mine and theirs"), (theirs, "theirs")):
        atlas.label(other.name, address, name)
    [line] = atlas.series(graph.name, features=["mine and theirs"])
    assert line.feature is not None
    assert line.feature.source_set == graph.stats().source_set != "others"
    with pytest.raises(NodeNotFoundError):
        atlas.series(graph.name, features=["theirs"])
    atlas.label(graph.name, "9/lorsa/9838", "mine and theirs")
    with pytest.raises(AmbiguousNodeError, match="transcoders and one of the lorsas"):
        atlas.series(graph.name, features=["mine and theirs"])


def test_comparing_says_which_of_two_sets_differ(atlas: Atlas, graph: GraphHandle, other: GraphHandle) -> None:
    [note] = atlas.compare(graph.name, other.name).notes
    assert note == f"The graphs have different sets of lorsas ({LORSAS}; others), so they share no feature of these."
