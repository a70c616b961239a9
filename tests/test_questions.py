"""Statistics, nodes and neighbourhoods, against the files themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import networkx
import pandas
import pytest
from support.examples import NAMES, example_document
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import (
    AmbiguousNodeError,
    CypherError,
    GraphNotFoundError,
    InvalidArgumentError,
    NodeNotFoundError,
    NotFoundError,
    QueryNotFoundError,
    QueryTimeoutError,
)


def document(name: str) -> dict[str, Any]:
    return example_document(name)


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_those_of_the_file(name: str, examples: dict[str, GraphHandle]) -> None:
    file, found = document(name), examples[name].stats()
    kinds = Counter(node["feature_type"] for node in file["nodes"])
    assert found.nodes.model_dump() == {
        "feature": kinds["cross layer transcoder"],
        "error": kinds["mlp reconstruction error"],
        "token": kinds["embedding"],
        "logit": kinds["logit"],
        "bias": 0,
        "other": 0,
        "total": len(file["nodes"]),
    }
    weights = [link["weight"] for link in file["links"]]
    assert (found.edges, found.weight_min, found.weight_max) == (len(weights), min(weights), max(weights))
    assert found.density == pytest.approx(len(weights) / len(file["nodes"]) ** 2)
    probabilities = sorted((n["token_prob"] for n in file["nodes"] if n["feature_type"] == "logit"), reverse=True)
    assert [logit.probability for logit in found.logits] == probabilities
    assert (found.prompt, found.tokens) == (file["metadata"]["prompt"], file["metadata"]["prompt_tokens"])


def test_all_graphs_are_listed(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    assert set(NAMES) <= {summary.graph for summary in atlas.graphs().graphs}


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("token:9", "token:9"),
        ("token:Dallas", "token:9"),
        ("logit:Austin", "logit:22605@10"),
        ("logit:22605", "logit:22605@10"),
        ("Austin", "logit:22605@10"),
        (" Austin", "logit:22605@10"),
        ("austin", "logit:22605@10"),
        ("feature:8/37691@9", "feature:8/37691@9"),
        ("feature:0/92499", "feature:0/92499@9"),
        ("error:24@10", "error:24@10"),
        ("27_22605_10", "logit:22605@10"),
        ("Texas legal matters", "feature:7/24743@9"),
    ],
)
def test_every_form_of_address_finds_its_node(address: str, key: str, examples: dict[str, GraphHandle]) -> None:
    assert examples["dallas"].node(address).node.key == key


def test_an_ambiguous_address_lists_its_candidates(examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(AmbiguousNodeError, match="matches 6 nodes") as raised:
        examples["dallas"].node("Dallas")
    assert "token:9" in raised.value.candidates
    assert all(key in str(raised.value) for key in raised.value.candidates)


def test_unknown_nodes_graphs_and_queries_are_errors(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    for address in ("Paris", "feature:99/1@1", "token:99", "logit:", ""):
        with pytest.raises(NodeNotFoundError):
            examples["dallas"].node(address)
    with pytest.raises(GraphNotFoundError, match="Did you mean 'dallas'"):
        atlas.graph("dalas")
    with pytest.raises(QueryNotFoundError, match="--list"):
        atlas.query("paths.best")


@pytest.mark.parametrize("name", NAMES)
def test_details_of_every_kind_of_node_are_those_of_the_file(name: str, examples: dict[str, GraphHandle]) -> None:
    file = document(name)
    seen = set()
    for raw in file["nodes"]:
        if raw["feature_type"] in seen:
            continue
        seen.add(raw["feature_type"])
        found = examples[name].node(raw["node_id"])
        assert found.node.source_id == raw["node_id"]
        assert found.activation == raw.get("activation")
        assert found.cumulative_influence == raw.get("influence")
        assert found.inputs == sum(link["target"] == raw["node_id"] for link in file["links"])
        assert found.outputs == sum(link["source"] == raw["node_id"] for link in file["links"])
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("logit:11", "Ranks of logits are 1 to 10"),
        ("logit:0", "Ranks of logits are 1 to 10"),
        ("logit:226", "Ranks of logits are 1 to 10"),
        ("token:-12", "Positions are 0 to 10, or -11 to -1"),
        ("token:11", "Positions are 0 to 10"),
        ("20/44686@-30", "Positions are 0 to 10, or -11 to -1"),
        ("error:99@3", "matches 'error:99@3'\n  Layers are 0 to 25"),
        ("logit:22605@3", "matches 'logit:22605@3'\n  The graph has logit:22605@10"),
    ],
)
def test_an_address_out_of_range_says_what_there_is(address: str, hint: str, examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(NodeNotFoundError, match=hint):
        examples["dallas"].node(address)


def test_details_of_a_feature_name_its_supernodes(examples: dict[str, GraphHandle]) -> None:
    found = examples["opposite-small"].node("4_95_2")
    assert (found.supernodes, found.pinned) == (["opposite"], True)
    assert found.transcoder_feature is not None
    assert found.transcoder_feature.source_set == "gemmascope-transcoder-16k"
    assert examples["opposite-small"].node("token:0").depth == -1
    assert examples["opposite-small"].node("logit:big").depth == 26


@pytest.mark.parametrize("sign", ["abs", "positive", "negative"])
@pytest.mark.parametrize("name", NAMES)
def test_neighbors_are_the_strongest_links_of_the_file(name: str, sign: str, examples: dict[str, GraphHandle]) -> None:
    file = document(name)
    place = {node["node_id"]: i for i, node in enumerate(file["nodes"])}

    def rank(weight: float) -> float:
        return abs(weight) if sign == "abs" else weight if sign == "positive" else -weight

    for raw in file["nodes"][:: len(file["nodes"]) // 8]:
        found = examples[name].neighbors(raw["node_id"], k=7, sign=sign)
        for here, there, side in (("target", "source", found.incoming), ("source", "target", found.outgoing)):
            links = [link for link in file["links"] if link[here] == raw["node_id"]]
            best = sorted(links, key=lambda link: (-rank(link["weight"]), place[link[there]]))[:7]
            assert [(n.node.source_id, n.weight) for n in side] == [(link[there], link["weight"]) for link in best]


def test_neighbors_include_inhibition(examples: dict[str, GraphHandle]) -> None:
    found = examples["dallas"].neighbors("feature:8/37691@9", direction="in", k=5)
    assert any(neighbor.weight < 0 for neighbor in found.incoming)


def test_neighbors_can_be_restricted_by_kind_and_layer(examples: dict[str, GraphHandle]) -> None:
    found = examples["dallas"].neighbors("logit:Austin", direction="in", k=100, kinds=["error", "token"])
    assert {n.node.kind for n in found.incoming} == {"error", "token"}
    assert found.outgoing == []
    found = examples["dallas"].neighbors("logit:Austin", direction="in", k=100, layers=[20, 21])
    assert {n.node.layer for n in found.incoming} == {20, 21}
    for wrong in ({"direction": "up"}, {"sign": "+"}, {"kinds": ["thing"]}, {"k": 0}, {"k": 10**6}):
        with pytest.raises(InvalidArgumentError):
            examples["dallas"].neighbors("logit:Austin", **wrong)


@pytest.mark.parametrize("direction", ["in", "out", "both"])
def test_a_subgraph_is_made_of_the_strongest_links(direction: str, examples: dict[str, GraphHandle]) -> None:
    file = document("dallas")
    place = {node["node_id"]: i for i, node in enumerate(file["nodes"])}
    start = "8_37691_9"
    edges: set[tuple[str, str]] = set()
    seen, frontier = {start}, {start}
    for _ in range(3):
        reached = set()
        for node in frontier:
            for here, there, wanted in (("target", "source", "in"), ("source", "target", "out")):
                if direction not in (wanted, "both"):
                    continue
                links = [link for link in file["links"] if link[here] == node]
                best = sorted(links, key=lambda link: (-abs(link["weight"]), place[link[there]]))[:3]
                edges |= {(link["source"], link["target"]) for link in best}
                reached |= {link[there] for link in best}
        frontier = reached - seen
        seen |= reached
    found = examples["dallas"].subgraph(start, hops=3, k=3, direction=direction)
    ids = {node.key: node.source_id for node in found.nodes}
    assert {(ids[e.source], ids[e.target]) for e in found.direct_effects} == edges
    assert set(ids.values()) == seen


def test_answers_convert_to_pandas_networkx_and_json(examples: dict[str, GraphHandle]) -> None:
    paths = examples["dallas"].paths(k=3)
    frame = paths.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.groupby("path")["score"].first().tolist() == [path.score for path in paths.paths]
    graph = paths.to_networkx()
    assert isinstance(graph, networkx.DiGraph)
    source, target = (node.key for node in paths.paths[0].nodes[:2])
    assert graph.edges[source, target]["weight"] == paths.paths[0].weights[0]
    assert graph.nodes[target]["kind"] == "feature"
    neighbors = json.loads(examples["dallas"].neighbors("Austin", k=1).to_json())
    assert set(neighbors) == {"graph", "node", "in", "out"}
    assert set(neighbors["node"]) == {"key", "kind", "name", "layer", "position", "index", "source_id", "component"}


def test_tables_escape_html(atlas: Atlas) -> None:
    rows = atlas.cypher("RETURN '<script>alert(1)</script>' AS `<b>x</b>`")
    assert "<script>" not in rows._repr_html_()
    assert "<b>" not in rows._repr_html_()


def test_any_cypher_that_only_reads_can_be_run(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    rows = atlas.cypher("MATCH (g:Graph {name: $name}) RETURN g.created_at AS at, g.edges AS edges", {"name": "dallas"})
    assert rows.columns == ["at", "edges"]
    assert json.loads(rows.to_json())["rows"][0]["edges"] == 4944
    with pytest.raises(CypherError, match="Invalid input"):
        atlas.cypher("MATCH (n")


def test_a_query_ends_at_its_time_limit(atlas: Atlas, examples: dict[str, GraphHandle], connection: Any) -> None:
    with Atlas(connection, timeout=0.5) as impatient, pytest.raises(QueryTimeoutError, match="time limit"):
        impatient.cypher("UNWIND range(1, 1000000000) AS i UNWIND range(1, 1000) AS j RETURN max(i * j)")
    for wrong in (0, -1, 10**6):
        with pytest.raises(InvalidArgumentError):
            Atlas(connection, timeout=wrong)


def test_the_tracer_gets_statements_ready_to_paste(connection: Any, examples: dict[str, GraphHandle]) -> None:
    seen: list[str] = []
    with Atlas(connection, tracer=seen.append) as traced:
        traced.graph("dallas").paths(k=1)
    assert any(text.startswith(":param graph => 'dallas';\n") and "CYPHER 25" in text for text in seen)


def test_a_question_of_a_known_graph_sends_few_statements(connection: Any, examples: dict[str, GraphHandle]) -> None:
    seen: list[str] = []
    with Atlas(connection, tracer=seen.append) as traced:
        graph = traced.graph("dallas")
        questions: dict[str, Callable[[], Any]] = {
            "paths": graph.paths,
            "count": graph.count,
            "neighbors": lambda: graph.neighbors("logit:22605@10"),
            "subgraph": lambda: graph.subgraph("logit:22605@10", k=3),
        }
        sent = {}
        for name, question in questions.items():
            question()
            seen.clear()
            question()
            sent[name] = len(seen)
    # The last statement checks that the graph is still the same.
    assert sent == {"paths": 2, "count": 2, "neighbors": 2, "subgraph": 2}


def test_a_command_of_neo4j_browser_is_no_statement(atlas: Atlas, run: Run) -> None:
    shown = run("query", "--show", "nodes.get", "-p", "graph=dallas", "-p", "key=token:1").stdout
    statement = shown[shown.index(":param") :]
    with pytest.raises(InvalidArgumentError, match="commands of Neo4j Browser"):
        atlas.cypher(statement)
    fails(run("query", "--list", "--json"), 2, "--list prints text")


def test_parameters_of_the_catalogue_are_checked(atlas: Atlas) -> None:
    for wrong in (
        {},
        {"graph": 3},
        {"graph": "dallas", "key": "x", "k": "many"},
        {"graph": "d", "key": "x", "z": 1},
    ):
        with pytest.raises(InvalidArgumentError):
            atlas.query("neighbors.direct", wrong)
    pair = {"a": "dallas", "b": "night"}
    for query_id, misspelled in (
        ("compare.nodes", pair | {"align": "features"}),
        ("compare.nodes", pair | {"status": "only-a"}),
        ("influence.nodes", {"graph": "dallas", "kinds": ["features"]}),
        ("influence.groups", {"graph": "dallas", "by": "layers"}),
        ("paths.top_k", {"graph": "dallas", "targets": [], "score": "means"}),
    ):
        with pytest.raises(InvalidArgumentError, match="cannot be '.*\n.*It must be one of"):
            atlas.query(query_id, misspelled)


def test_sets_of_graphs_of_the_catalogue_are_checked(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    for graphs in ({"graphs": ["nigth"]}, {"graphs": ["winter"], "without": ["nigth"]}):
        with pytest.raises(GraphNotFoundError, match="nigth"):
            atlas.query("features.only", graphs)
    for tags in ({"tags": ["analogys"]}, {"graphs": ["winter"], "without_tags": ["analogys"]}):
        with pytest.raises(NotFoundError, match="analogys"):
            atlas.query("features.only", tags)
    with pytest.raises(NotFoundError, match="analogys"):
        atlas.query("search.text", {"text": "moon", "tag": "analogys"})
    for no_text in (None, 3, ["winter"]):
        with pytest.raises(InvalidArgumentError, match="must be LIST<STRING>"):
            atlas.query("features.only", {"graphs": [no_text]})
    assert atlas.query("features.only", {"graphs": ["winter"], "without": ["night"]}).rows
    every = atlas.query("features.only", {"graphs": ["winter"]}).rows
    assert atlas.query("features.only", {"graphs": ["winter"], "without": None, "k": None}).rows == every
