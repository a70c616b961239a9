"""Circuits of stored graphs: chosen, scored, kept under a name, asked within, and gone with their graph."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.examples import EXAMPLES, example_file
from support.graphs import make_graph
from support.program import Run
from support.two_files import File, jaccard

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import (
    CircuitNotFoundError,
    InvalidArgumentError,
    NodeNotFoundError,
    SupernodeNotFoundError,
)
from circuit_atlas.ingest import load_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN

SHOWN: dict[str, Any] = {"score": SHOWN_SCORE, "sign": SHOWN_SIGN, "min_hops": SHOWN_MIN_HOPS}
CIRCUITS = "MATCH (c:Circuit) WHERE c.graph STARTS WITH $graph RETURN count(c) AS circuits LIMIT 1"


@pytest.fixture
def dallas(atlas: Atlas, new_name: Callable[[], str]) -> GraphHandle:
    """A copy of its own of the graph."""
    return atlas.ingest(EXAMPLES / "dallas.json", name=new_name())


@pytest.mark.parametrize("keep", ["influence", "replacement", "completeness"])
@pytest.mark.parametrize("name", ["dallas", "dallas-haiku", "opposite-small"])
def test_a_circuit_is_never_worse_than_one_by_influence(name: str, keep: str, examples: dict[str, GraphHandle]) -> None:
    handle = examples[name]
    for nodes in (1, 10, 30):
        found = handle.circuit(nodes=nodes, keep=keep)
        tried = {one.method: getattr(one, keep) for one in found.tried}
        assert list(tried) == ["influence", "greedy", "paths"]
        assert getattr(found, keep) == max(tried.values()) == tried[found.method or ""]
        plain = handle.circuit(nodes=nodes, keep=keep, method="influence")
        assert getattr(found, keep) >= getattr(plain, keep)
        assert len(found) <= nodes
        assert {one.node.kind for one in found} <= {Kind.FEATURE}


def test_by_influence_are_the_most_influential_features(examples: dict[str, GraphHandle]) -> None:
    found = examples["dallas"].circuit(nodes=15, method="influence")
    expected = examples["dallas"].influence(kinds=["feature"], k=15)
    assert {one.node.key for one in found} == {one.node.key for one in expected}
    on_austin = examples["dallas"].circuit(nodes=15, method="influence", targets=["Austin"])
    expected = examples["dallas"].influence(kinds=["feature"], targets=["Austin"], k=15)
    assert {one.node.key for one in on_austin} == {one.node.key for one in expected}


def test_the_whole_graph_has_its_own_scores(examples: dict[str, GraphHandle]) -> None:
    handle = examples["dallas"]
    stats = handle.stats()
    everything = handle.score_circuit([node.key for node in handle.nodes() if node.kind is Kind.FEATURE])
    assert everything.whole == examples["dallas"].circuit(nodes=1).whole
    assert everything.replacement == pytest.approx(stats.replacement_score, rel=1e-9)
    assert everything.completeness == pytest.approx(stats.completeness_score, rel=1e-9)
    assert everything.influence == pytest.approx(1.0)


def test_nodes_are_named_in_many_ways(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    handle = examples["opposite-small"]
    members = {supernode.name: [node.key for node in supernode.members] for supernode in handle.supernodes()}
    both = handle.score_circuit(supernodes=["small", "opposite"])
    assert {one.node.key for one in both} == {*members["small"], *members["opposite"]}
    assert both == handle.score_circuit([*members["small"], *members["opposite"]])
    document = json.loads(example_file("opposite-small").read_text(encoding="utf-8"))
    pinned = handle.score_circuit(pinned=True)
    assert {one.node.source_id for one in pinned} == set(document["qParams"]["pinnedIds"])
    paths = handle.paths(k=5)
    assert {one.node.key for one in handle.score_circuit(paths)} == {n.key for path in paths for n in path.nodes}
    contrast = handle.paths(targets="logit:1", minus="logit:2", k=3)
    assert {one.node.key for one in handle.score_circuit(contrast)} == {
        node.key for path in contrast for node in path.nodes[:-1]
    }
    hits = atlas.search("size", graph=handle.name)
    expected = {place.key for hit in hits for place in hit.places if place.graph == handle.name}
    assert {one.node.key for one in handle.score_circuit(hits)} == expected
    with_error = handle.score_circuit([members["small"][0], "error:13@5"])
    alone = handle.score_circuit(members["small"][:1])
    assert with_error.notes == ["Errors count as errors, whether a circuit holds them or not."]
    assert (with_error.replacement, with_error.influence) == (alone.replacement, alone.influence)


def test_a_circuit_is_scored_in_another_graph(examples: dict[str, GraphHandle]) -> None:
    """Its features are found again by layer and index: at the same position, or else wherever they are active."""
    night, winter = examples["night"], examples["winter"]
    night.circuit(nodes=20, name="opposites", replace=True)
    held = [one.node.key for one in night.score_circuit(circuit="opposites")]
    there = {node.key for node in winter.nodes()}
    expected: set[str] = set()
    for key in held:
        elsewhere = {other for other in there if other.partition("@")[0] == key.partition("@")[0]}
        expected |= {key} & there or elsewhere
    found = winter.score_circuit(circuit="opposites", of="night")
    assert {one.node.key for one in found} == expected
    assert found.circuit is None
    scores = winter.score_circuit(sorted(expected))
    assert (found.influence, found.replacement) == (scores.influence, scores.replacement)
    missing = {key for key in held if key.partition("@")[0] not in {other.partition("@")[0] for other in there}}
    [note] = found.notes
    assert note.startswith(f"{len(missing)} of 20 features of 'opposites' are not in 'winter': ")
    assert set(note.rstrip(".").partition("'winter': ")[2].split(", ")) == missing
    with pytest.raises(InvalidArgumentError, match="different sets of transcoders"):
        examples["opposite-small"].score_circuit(circuit="opposites", of="night")
    with pytest.raises(InvalidArgumentError, match="no circuit of the other graph is named"):
        winter.score_circuit(of="night")
    night.delete_circuit("opposites")


def test_a_search_that_finds_nothing_is_no_list_of_nodes(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    nothing = atlas.search("qqqqzzzz")
    with pytest.raises(InvalidArgumentError, match="nothing that the search found"):
        examples["opposite-small"].score_circuit(nothing, pinned=True)


def test_what_is_wrong_is_said(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    handle = examples["dallas"]
    assert handle.score_circuit("20/44686@10", pinned=True).notes == ["The file pins no node."]
    gone = handle.paths(k=1)
    gone.paths[0].nodes[0] = gone.paths[0].nodes[0].model_copy(update={"key": "token:99"})
    for question, error, words in (
        (handle.score_circuit, InvalidArgumentError, "a circuit needs nodes"),
        (lambda: handle.score_circuit(pinned=True), InvalidArgumentError, "the file pins no node"),
        (lambda: handle.score_circuit("feature:25/1@1"), NodeNotFoundError, "no node of 'dallas' matches"),
        (lambda: handle.score_circuit(examples["night"].paths()), InvalidArgumentError, "these are paths of 'night'"),
        (lambda: handle.score_circuit(atlas.search("moon", graph="night")), InvalidArgumentError, "in this graph"),
        (lambda: handle.score_circuit(supernodes="small"), SupernodeNotFoundError, "no supernode is named 'small'"),
        (lambda: handle.score_circuit(circuit="nothing"), CircuitNotFoundError, "no circuit is named 'nothing'"),
        (lambda: handle.paths(circuit="nothing"), CircuitNotFoundError, "no circuit is named 'nothing'"),
        (lambda: handle.delete_circuit("nothing"), CircuitNotFoundError, "no circuit is named 'nothing'"),
        (lambda: handle.circuit(nodes=0), InvalidArgumentError, "nodes cannot be 0"),
        (lambda: handle.circuit(keep="all"), InvalidArgumentError, "keep cannot be 'all'"),
        (lambda: handle.circuit(method="best"), InvalidArgumentError, "method cannot be 'best'"),
        (lambda: handle.circuit(targets="token:3"), InvalidArgumentError, "no feature acts on the targets"),
        (lambda: handle.score_circuit(gone), NodeNotFoundError, "the graph has no node 'token:99'"),
        (lambda: handle.circuit(name=""), InvalidArgumentError, "invalid name of a circuit"),
    ):
        with pytest.raises(error, match=words):
            question()
    collapsed = examples["opposite-small"].collapsed()
    assert len(collapsed.circuit(nodes=5)) == 5  # it has cycles
    report = collapsed.report(k=5)
    assert report.contributors == collapsed.influence(k=5)
    with pytest.raises(InvalidArgumentError, match="is a collapsed graph"):
        collapsed.circuit(name="kept")


def test_a_circuit_is_stored_listed_and_deleted(dallas: GraphHandle) -> None:
    found = dallas.circuit(nodes=10, name="ten")
    assert found.circuit == "ten"
    given = dallas.score_circuit(["20/44686@10", "token:9"], name="given")
    assert [stored.name for stored in dallas.circuits()] == ["given", "ten"]
    rules = {stored.name: stored.rule for stored in dallas.circuits()}
    assert rules == {"given": None, "ten": f"at most 10 nodes, influence, by {found.method}"}
    nodes = {stored.name: {node.key for node in stored.nodes} for stored in dallas.circuits()}
    assert nodes["ten"] == {one.node.key for one in found}
    assert nodes["given"] == {one.node.key for one in given}
    assert dallas.score_circuit(circuit="ten").circuit == "ten"
    assert dallas.score_circuit(["token:9"], circuit="ten").circuit is None  # more than what is stored
    again = dallas.score_circuit(circuit="ten")
    assert (again.influence, again.replacement, again.completeness) == pytest.approx(
        (found.influence, found.replacement, found.completeness)
    )
    with pytest.raises(InvalidArgumentError, match="circuit 'ten' already exists"):
        dallas.circuit(nodes=5, name="ten")
    dallas.circuit(nodes=5, name="ten", replace=True)
    assert len(dallas.score_circuit(circuit="ten")) == 5
    with pytest.raises(CircuitNotFoundError, match="Did you mean 'ten'"):
        dallas.score_circuit(circuit="tem")
    with pytest.raises(CircuitNotFoundError):
        dallas.delete_circuit("ten", "other")
    dallas.delete_circuit("ten")
    assert [stored.name for stored in dallas.circuits()] == ["given"]


def test_questions_are_restricted_to_a_circuit(dallas: GraphHandle) -> None:
    features = {one.node.key for one in dallas.circuit(nodes=12, name="it")}

    def is_inside(key: str) -> bool:
        return key in features or key.startswith(("token:", "logit:"))

    paths = dallas.paths(k=10_000, max_hops=4)
    inside = [path for path in paths if all(is_inside(node.key) for node in path.nodes)]
    within = dallas.paths(k=10_000, max_hops=4, circuit="it")
    assert len(paths) == 10_000
    assert within[: len(inside)].paths == inside
    assert all(is_inside(node.key) for path in within for node in path.nodes)
    assert dallas.count(circuit="it").total == len(within)
    assert dallas.score_distribution(circuit="it").paths == len(within)
    neighbors = dallas.neighbors("Austin", k=1000, circuit="it")
    everywhere = dallas.neighbors("Austin", k=1000)
    assert neighbors.incoming == [found for found in everywhere.incoming if is_inside(found.node.key)]
    wider = dallas.subgraph("Austin", hops=2, circuit="it", k=100)
    assert all(is_inside(node.key) for node in wider.nodes)
    influence = dallas.influence(circuit="it", k=1000)
    assert all(is_inside(one.node.key) for one in influence)
    chosen = {one.node.key: one.influence for one in dallas.score_circuit(circuit="it")}
    assert {one.node.key: one.influence for one in influence if one.node.key in features} == pytest.approx(chosen)
    groups = {group.group: group.nodes for group in dallas.influence_by("kind", circuit="it")}
    assert groups["feature"] == 12


def test_influence_by_edge_and_length_is_that_of_paths_in_a_circuit(dallas: GraphHandle) -> None:
    features = {one.node.key for one in dallas.circuit(nodes=12, name="it")}
    nodes = dallas.to_pandas()[0].set_index("key").fillna({"probability": 0.0})
    flow = {one.node.key: one.influence for one in dallas.influence(circuit="it", k=1000)}
    arriving = {key: flow.get(key, 0.0) + nodes.probability[key] for key in nodes.index}
    inside = features | {key for key in nodes.index if key.startswith(("token:", "logit:"))}
    expected = {
        (edge.source, edge.target): abs(edge.weight) / nodes.input_sum[edge.target] * arriving[edge.target]
        for edge in dallas.edges()
        if {edge.source, edge.target} <= inside and arriving[edge.target]
    }
    found = {
        (effect.source.key, effect.target.key): effect.influence
        for effect in dallas.edge_influence(circuit="it", k=10_000)
    }
    assert found == pytest.approx(expected)
    others = ["20/44686@10", "16/89970@9"]  # targets belong to the circuit that a question sees
    dallas.score_circuit(["1/72774@10"], name="one")
    effects = {(e.source.key, e.target.key) for e in dallas.edge_influence(targets=others, circuit="one", k=10_000)}
    assert ("feature:16/89970@9", "feature:20/44686@10") in effects
    assert all(not source.startswith("error:") for source, _ in effects)
    # What comes along paths of any length comes from where paths begin.
    lengths = dallas.influence_by_length(circuit="it")
    begins = [key for key in inside if nodes.input_sum[key] == 0]
    assert sum(one.influence for one in lengths) == pytest.approx(sum(flow.get(key, 0.0) for key in begins))
    assert lengths[-1].cumulative_share < dallas.influence_by_length()[-1].cumulative_share == pytest.approx(1.0)


@pytest.mark.parametrize("align", ["relative", "feature"])
def test_circuits_of_two_graphs_are_compared(align: str, examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    """Only what both circuits hold is shared, also where a graph has the other's node outside its circuit."""
    files, inside, influence, scores = [], [], [], []
    for name in ("night", "winter"):
        handle, file = examples[name], File(example_file(name), align)
        features = {one.node.source_id for one in handle.circuit(nodes=20, name="core", replace=True)}
        kept = [row["node_id"] in features or row["feature_type"] in ("embedding", "logit") for row in file.rows]
        files.append(file)
        inside.append({one for one, is_kept in zip(file.identities, kept, strict=True) if is_kept})
        identity = {row["node_id"]: one for row, one in zip(file.rows, file.identities, strict=True)}
        sums: dict[str, float] = defaultdict(float)
        for one in handle.influence(kinds=list(Kind), circuit="core", k=10_000):
            sums[identity[one.node.source_id]] += one.influence
        influence.append(sums)
        weights: dict[tuple[str, str], float] = defaultdict(float)
        for source, target, weight in file.found.edges:
            if kept[source] and kept[target]:
                weights[file.identities[source], file.identities[target]] += weight
        scores.append(weights)
    found = atlas.compare("night", "winter", align=align, circuit="core", k=10_000, max_hops=3)
    parts = {"shared": inside[0] & inside[1], "only_a": inside[0] - inside[1], "only_b": inside[1] - inside[0]}
    for status, expected in parts.items():
        pairs = getattr(found.nodes, status)
        assert {pair.identity for pair in pairs} == expected
        assert sum(getattr(one, status) for one in found.overlaps if one.what != "direct effect") == len(expected)
        for pair in pairs:
            assert pair.influence_a == pytest.approx(influence[0].get(pair.identity, 0.0))
            assert pair.influence_b == pytest.approx(influence[1].get(pair.identity, 0.0))
    assert found.overlap("direct effect").similarity == pytest.approx(jaccard(*scores))
    effects = {(e.source.identity, e.target.identity): e.weight_a for e in found.direct_effects.only_a}
    assert effects == {key: pytest.approx(weight) for key, weight in scores[0].items() if key not in scores[1]}
    best = [path.score for path in examples["night"].paths(k=10_000, max_hops=3, circuit="core", **SHOWN)]
    compared = [pair.a.score for pair in found.paths.only_a + found.paths.shared if pair.a]
    assert set(compared) <= set(best)
    if align == "relative":  # else paths that differ in positions alone are one
        assert sorted(compared) == sorted(best)
    for name in ("night", "winter"):
        examples[name].delete_circuit("core")


def test_a_circuit_that_one_of_two_graphs_lacks_is_an_error(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    examples["night"].circuit(nodes=5, name="mine", replace=True)
    with pytest.raises(CircuitNotFoundError, match="dallas: no circuit is named 'mine'"):
        atlas.compare("night", "dallas", circuit="mine")
    examples["night"].delete_circuit("mine")


def test_a_best_path_that_is_too_long_is_said(atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 2, 3], [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)]), name=name)
    assert len(atlas.graph(name).circuit(nodes=2, method="paths")) == 2
    with pytest.raises(InvalidArgumentError, match="the best path has more than 1 nodes"):
        atlas.graph(name).circuit(nodes=1, method="paths")


def test_a_circuit_goes_with_its_graph(atlas: Atlas, new_name: Callable[[], str]) -> None:
    first = make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)])
    second = make_graph([0, 1, 2], [(0, 1, 2.0), (1, 2, 1.0)])
    name = new_name()
    load_graph(atlas, first, name=name)
    atlas.graph(name).circuit(name="it")
    load_graph(atlas, first, name=name)  # the same content: nothing changes
    assert [stored.name for stored in atlas.graph(name).circuits()] == ["it"]
    load_graph(atlas, second, name=name, replace=True)
    assert len(atlas.graph(name).circuits()) == 0
    atlas.graph(name).circuit(name="it")
    assert not atlas.verify(name).damaged
    atlas.delete(name)
    assert atlas.cypher(CIRCUITS, {"graph": name}).rows == [{"circuits": 0}]


def test_an_export_pins_a_circuit_and_no_members_of_supernodes(
    atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    name = new_name()
    graph = atlas.ingest(EXAMPLES / "dallas.json", name=name)
    ranked = [found.node.key for found in graph.influence(k=4, kinds=["feature"])]
    graph.create_supernode("elsewhere", ranked[2:])
    graph.score_circuit(ranked[:2], name="two")
    atlas.export(name, tmp_path / "it.json", circuit="two")
    document = json.loads((tmp_path / "it.json").read_text(encoding="utf-8"))
    assert len(document["qParams"]["pinnedIds"]) == 2 + 11 + 1
    again = atlas.ingest(tmp_path / "it.json", name=name, replace=True)
    assert [node.key for node in again.supernodes()[-1].members] == sorted(ranked[2:], key=ranked.index)


def test_a_circuit_is_pinned_in_an_export(dallas: GraphHandle, atlas: Atlas, tmp_path: Path) -> None:
    nodes = {one.node.source_id for one in dallas.circuit(nodes=6, name="it")}
    atlas.export(dallas.name, tmp_path / "it.json", circuit="it")
    pinned = json.loads((tmp_path / "it.json").read_text(encoding="utf-8"))["qParams"]["pinnedIds"]
    assert nodes < set(pinned)
    assert "27_22605_10" in pinned
    assert len(pinned) == 6 + 11 + 1
    again = atlas.ingest(tmp_path / "it.json", name=dallas.name, replace=True)
    assert {one.node.source_id for one in again.score_circuit(pinned=True)} == set(pinned)
    with pytest.raises(InvalidArgumentError, match="only a .json can pin a circuit"):
        atlas.export(dallas.name, tmp_path / "it.graphml", circuit="it")


def test_a_circuit_is_drawn(dallas: GraphHandle) -> None:
    features = {one.node.key for one in dallas.circuit(nodes=6, name="it")}
    view = dallas.view_circuit(name="it")
    assert view.summary.nodes >= 6 + 1
    assert view.summary.notes[0].endswith("weaker effects between its nodes are not drawn.")
    assert len(features) == 6
    with pytest.raises(InvalidArgumentError, match="is drawn without paths"):
        dallas.view_circuit(name="it", k=5)
    dallas.circuit(nodes=60, name="large")
    with pytest.raises(InvalidArgumentError, match="has 60 nodes; a figure can show 50"):
        dallas.view_circuit(name="large")


def test_the_command_line_takes_nodes_from_a_file(run: Run, examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    paths = examples["dallas"].paths(k=5)
    expected = json.loads(examples["dallas"].score_circuit(paths).to_json())
    answers = (
        paths.to_json(),
        json.dumps([node.key for path in paths for node in path.nodes]),
        examples["dallas"].score_circuit(paths).to_json(),
    )
    for text in answers:
        assert json.loads(run("score-circuit", "dallas", "--file", "-", stdin=text).stdout) == expected
    contrast = examples["dallas"].paths(targets="Austin", minus="Dallas", k=3)
    scored = run("score-circuit", "dallas", "--file", "-", stdin=contrast.to_json())
    assert json.loads(scored.stdout) == json.loads(examples["dallas"].score_circuit(contrast).to_json())
    hits = atlas.search("Texas", graph="dallas").to_json()
    assert json.loads(run("score-circuit", "dallas", "--file", "-", stdin=hits).stdout)["nodes"]
    few = atlas.search("Texas", graph="dallas", places=1)  # features that are active at several places
    for told in (
        json.loads(run("score-circuit", "dallas", "--file", "-", stdin=few.to_json()).stdout)["notes"],
        examples["dallas"].score_circuit(few).notes,
    ):
        assert any("search with --graph dallas --places 1000 for all" in note for note in told)
    every = atlas.search("Texas", graph="dallas", places=1000)
    assert examples["dallas"].score_circuit(every).notes == []
    for ask in (examples["dallas"].circuit, lambda **how: examples["dallas"].score_circuit(["token:1"], **how)):
        with pytest.raises(InvalidArgumentError, match="replace has no effect without a name"):
            ask(replace=True)
    forms, other = "not JSON of paths, search or circuit", examples["night"].paths(k=1).to_json()
    for text, why in (("{", forms), ("[1]", forms), ("{}", forms), (other, "it is about the graph 'night'")):
        done = run("score-circuit", "dallas", "--file", "-", stdin=text)
        assert done.returncode == 2
        assert why in done.stderr


def test_the_command_line_asks_several_graphs(run: Run, examples: dict[str, GraphHandle]) -> None:
    answers = json.loads(run("circuit", "--graph", "night", "--graph", "foot", "--nodes", "5").stdout)["answers"]
    assert [(one["graph"], len(one["answer"]["nodes"])) for one in answers] == [("night", 5), ("foot", 5)]


def test_the_json_has_the_scores_of_the_circuit_and_of_the_whole(run: Run, examples: dict[str, GraphHandle]) -> None:
    answer = json.loads(run("circuit", "dallas", "--nodes", "5").stdout)
    assert list(answer)[:7] == ["graph", "circuit", "nodes", "influence", "replacement", "completeness", "whole"]
    assert answer["whole"].keys() == {"influence", "replacement", "completeness"}
    assert len(answer["nodes"]) == 5
    found = examples["dallas"].circuit(nodes=5)
    frame, scores = found.to_pandas(), found.to_pandas("scores")
    assert scores["whole_replacement"].tolist() == [answer["whole"]["replacement"]]
    assert scores["influence"].tolist() == [answer["influence"]]
    assert list(frame["key"]) == [one["node"]["key"] for one in answer["nodes"]]
