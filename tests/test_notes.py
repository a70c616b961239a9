"""What an answer says about itself, and addresses in short forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import example_document, example_file
from support.graphs import make_graph
from support.program import Run

from circuit_atlas import Atlas
from circuit_atlas.errors import AmbiguousNodeError, InvalidArgumentError, NodeNotFoundError, NotFoundError
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries import checks
from circuit_atlas.queries import graphs as queries_of_graphs
from circuit_atlas.schema.limits import MAX_MATCHES

TEXAS = "feature:20/44686@10"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("20/44686@10", TEXAS),
        ("20/44686@-1", TEXAS),
        ("feature:20/44686@-1", TEXAS),
        ("token:-1", "token:10"),
        ("token:-11", "token:0"),
        ("error:5@-1", "error:5@10"),
        ("logit:1", "logit:22605@10"),
        ("logit:AUSTIN", "logit:22605@10"),
        ("aUSTIN", "logit:22605@10"),
    ],
)
def test_short_addresses(atlas: Atlas, examples: Any, address: str, key: str) -> None:
    assert atlas.graph("dallas").node(address).node.key == key


def test_ranked_logits_are_those_of_the_file(atlas: Atlas, examples: Any) -> None:
    graph = atlas.graph("dallas")
    logits = [node for node in example_document("dallas")["nodes"] if node["feature_type"] == "logit"]
    logits.sort(key=lambda node: -node["token_prob"])
    for rank, logit in enumerate(logits[:5], 1):
        assert graph.node(f"logit:{rank}").probability == logit["token_prob"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("Austn", "Did you mean 'Austin'"),
        (f"{TEXAS[:-2]}3", TEXAS),
        ("token:99", "Positions are 0 to 10."),
        ("token:-12", "Give a key"),
        ("logit:99", "Give a key"),
    ],
)
def test_an_address_that_means_nothing(atlas: Atlas, examples: Any, address: str, told: str) -> None:
    with pytest.raises(NodeNotFoundError) as raised:
        atlas.graph("dallas").node(address)
    assert told in str(raised.value)


def test_a_feature_may_be_labelled_by_layer_and_index(atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    atlas.ingest(example_file("dallas"), name=name)
    assert atlas.feature("16/89970", graph=name).feature.index == 89970  # it is active at two positions


def test_ends_that_are_swapped(atlas: Atlas, examples: Any) -> None:
    graph = atlas.graph("dallas")
    ends: Any = {"sources": ["Austin"], "targets": ["Dallas"]}
    [note] = graph.paths(**ends).notes
    assert "Paths lead from Dallas (token:9) to Austin (logit:22605@10): swap" in note
    assert graph.count(**ends).notes == [note]
    with pytest.raises(InvalidArgumentError, match="swap"):
        graph.score_distribution(**ends)
    assert graph.paths(sources=["Dallas"], targets=["Austin"]).notes == []


def test_too_few_hops_and_restrictions(atlas: Atlas, examples: Any) -> None:
    graph = atlas.graph("dallas")
    [note] = graph.paths(max_hops=1, must_pass=[TEXAS]).notes
    assert note.endswith("but none of 1 hop meets the restrictions (nodes to pass).")
    tokens = [f"token:{position}" for position in range(11)]
    token = next(token for token in tokens if not graph.count(sources=[token], max_hops=1).total)
    [note] = graph.paths(sources=[token], max_hops=1).notes
    shortest = next(int(hops) for hops, n in graph.count(sources=[token], max_hops=12).counts.items() if n)
    assert f"has {shortest} hops, not 1." in note
    assert note in graph.paths(sources=[token], hops=1).notes  # with which --max-hops cannot be given


@pytest.mark.parametrize("sources", [[], ["Dallas"]])
def test_a_count_says_what_it_leaves_out(atlas: Atlas, examples: Any, sources: list[str]) -> None:
    graph = atlas.graph("dallas")
    assert "of more than 3 are not counted" in graph.count(sources=sources, max_hops=3).notes[0]
    to_early: Any = {"sources": sources, "targets": ["feature:0/92499@9"]}  # in layer 0: one hop is the longest
    assert graph.count(**to_early).notes == []


def test_a_restricted_count_says_that_longer_paths_are_not_counted(atlas: Atlas, new_name: Any) -> None:
    """A path of two hops, one of five, and none between."""
    edges = [(0, 1, 1.0), (1, 6, 1.0), (0, 2, 1.0), (2, 3, 1.0), (3, 4, 1.0), (4, 5, 1.0), (5, 6, 1.0)]
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 1, 2, 3, 4, 5], edges), name=name)
    handle = atlas.graph(name)
    found = handle.count(min_weight=0.5)
    assert (found.total, found.notes) == (1, ["Paths of more than 4 hops are not counted (--max-hops)."])
    assert handle.count(min_weight=0.5, max_hops=5).notes == []


def test_of_many_nodes_the_preferred_kind_is_found(atlas: Atlas, new_name: Any) -> None:
    data = make_graph([0, *[1] * (MAX_MATCHES + 1), 2], [(0, 1, 1.0), (1, MAX_MATCHES + 2, 1.0)])
    labels = [None, *["the"] * (MAX_MATCHES + 1), None]
    token = [*data.nodes.token[:-1], "the"]
    name = new_name()
    load_graph(atlas, replace(data, nodes=replace(data.nodes, label=labels, token=token)), name=name)
    graph = atlas.graph(name)
    assert graph.count(targets=["the"]).total == 1
    with pytest.raises(AmbiguousNodeError, match=f"matches {MAX_MATCHES} or more nodes"):
        graph.node("the")


def test_a_feature_may_be_active_at_any_number_of_positions(atlas: Atlas, new_name: Any) -> None:
    data = make_graph([0, *[1] * (MAX_MATCHES + 1), 2], [(0, 1, 1.0), (1, MAX_MATCHES + 2, 1.0)])
    name = new_name()
    load_graph(atlas, replace(data, nodes=replace(data.nodes, index=np.minimum(data.nodes.index, 1))), name=name)
    for address in ("1/1", "feature:1/1"):
        assert atlas.feature(address, graph=name, neighbors=0).total == 1


@pytest.mark.parametrize(
    "restriction",
    [{"avoid": [TEXAS]}, {"layers": [3]}, {"kinds": ["error"]}, {"positions": [2]}],
    ids=["avoid", "layers", "kinds", "positions"],
)
def test_a_node_to_pass_obeys_the_other_restrictions(atlas: Atlas, examples: Any, restriction: dict[str, Any]) -> None:
    graph = atlas.graph("dallas")
    with pytest.raises(InvalidArgumentError, match="no path can pass"):
        graph.paths(must_pass=[TEXAS], **restriction)
    if "avoid" in restriction:
        with pytest.raises(InvalidArgumentError, match="is both an end of the paths"):
            graph.paths(targets=[TEXAS], **restriction)
        with pytest.raises(InvalidArgumentError, match="is both an end of the paths"):
            graph.paths(sources=[TEXAS], **restriction)
        return
    at_an_end = graph.paths(targets=[TEXAS, "Austin"], must_pass=[TEXAS], **restriction, k=1000).paths
    assert at_an_end
    assert {path.nodes[-1].key for path in at_an_end} == {TEXAS}
    plain = graph.paths(targets=[TEXAS], **restriction, k=1000).paths
    assert at_an_end == plain


def test_more_graphs_than_a_statement_returns(atlas: Atlas, examples: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then some are missing, and the answer would be of others than those that were asked about."""
    questions: tuple[Callable[[], Any], ...] = (
        atlas.recurring,
        lambda: atlas.common_features(tags=["analogies"]),
        lambda: atlas.similar("night", tags=["analogies"]),
        lambda: atlas.clusters(tags=["analogies"]),
        lambda: atlas.aggregate(tags=["analogies"], name="too-many"),
        lambda: atlas.motifs(tags=["analogies"]),
        lambda: atlas.each(tags=["analogies"]).stats(),
    )
    monkeypatch.setattr(checks, "MAX_ROWS", 5)
    monkeypatch.setattr(queries_of_graphs, "MAX_ROWS", 5)
    for question in questions:
        with pytest.raises(InvalidArgumentError, match="about 5 graphs or more"):
            question()
    assert atlas.graphs(["analogies"]).notes == ["There may be more than the first 5 graphs. Give tags of fewer."]


def test_as_many_rows_as_a_query_returns_may_not_be_all(atlas: Atlas) -> None:
    statement = "UNWIND range(1, $n) AS i RETURN i"
    assert atlas.cypher(statement, {"n": 99_999}).notes == []
    cut = atlas.cypher(statement, {"n": 100_001})
    assert (len(cut), cut.notes) == (
        100_000,
        ["There may be more than 100,000 rows, which is all that a query returns."],
    )


def test_a_graph_of_both_sets(atlas: Atlas, examples: Any) -> None:
    others = [summary.graph for summary in atlas.graphs(["analogies"]).graphs if summary.graph != "night"]
    assert others
    found = atlas.only_features("night", without_tags=["analogies"], k=1000)
    right = atlas.only_features("night", without=others, k=1000)
    assert (found.total, found.features, found.without) == (right.total, right.features, right.without)
    assert "night is counted only among the first graphs" in found.notes[0]
    rows = atlas.query("features.only", {"graphs": ["night"], "without_tags": ["analogies"], "k": 1000}).rows
    assert len(rows) == found.total
    left_out = atlas.only_features(tags=["analogies"], without=["night"], k=1000)
    assert left_out.features == atlas.only_features(*others, without=["night"], k=1000).features
    with pytest.raises(InvalidArgumentError, match="both sets"):
        atlas.only_features("night", without=["night"])
    with pytest.raises(InvalidArgumentError, match="same graphs"):
        atlas.only_features(tags=["analogies"], without_tags=["analogies"])


def test_tags_that_do_not_exist_and_searches_that_find_nothing(atlas: Atlas, examples: Any) -> None:
    assert "No graph has the tag 'analogie'. Did you mean 'analogies'" in atlas.graphs(["analogie"]).notes[0]
    assert atlas.tag("dallas", remove=["nothing"]).notes == ["No graph named here had the tag 'nothing'."]
    assert "No graph has the tag 'nothing'." in atlas.search("texas", tag="nothing").notes[1]
    assert "Spelled alike: " in atlas.search("texs").notes[0]
    assert "restricted" in atlas.search("texas", model="nothing").notes[0]
    assert atlas.search("texas").notes == []


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda atlas, graph: graph.neighbors("token:9", direction="in"), "token:9 has no such direct effects"),
        (lambda atlas, graph: graph.subgraph("token:9", direction="in"), "token:9 has no such direct effects"),
        (lambda atlas, graph: graph.influence(kinds="bias"), "Nothing that was asked for has influence"),
        (lambda atlas, graph: graph.influence_by("layer", kinds="bias"), "Nothing that was asked for has influence"),
        (lambda atlas, graph: graph.edge_influence(targets="token:9"), "Nothing that was asked for has influence"),
        (lambda atlas, graph: graph.influence_by_length(targets="token:9"), "Nothing that was asked for"),
        (lambda atlas, graph: atlas.recurring("dallas"), "two of the graphs or more"),
        (lambda atlas, graph: atlas.cypher("MATCH (n:Node {graph: 'no'}) RETURN n.key"), "found no rows"),
    ],
)
def test_no_answer_is_silently_empty(atlas: Atlas, examples: Any, ask: Callable[..., Any], told: str) -> None:
    answer = ask(atlas, atlas.graph("dallas"))
    assert len(answer) == 0
    [note] = answer.notes
    assert told in note
    assert json.loads(answer.to_json())["notes"] == [note]
    assert f"Note: {note}" in str(answer)


def test_a_graph_without_groups_says_so(atlas: Atlas, new_name: Callable[[], str]) -> None:
    graph = load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)]), name=new_name())
    handle = atlas.graph(graph.graph)
    assert "has no supernodes" in handle.supernodes().notes[0]
    assert "No supernode acts on another" in handle.supernode_links().notes[0]
    assert "has no stored circuit" in handle.circuits().notes[0]


def test_features_of_other_transcoders_and_a_baseline_of_the_same_graphs(atlas: Atlas, examples: Any) -> None:
    [note] = atlas.only_features("dallas", without=["dallas-llama"]).notes
    assert note.startswith("dallas-llama is of another set of transcoders")
    with pytest.raises(InvalidArgumentError, match=r"for the baseline \(--baseline, --baseline-graph\)"):
        atlas.enriched_features(tags="analogies", baseline_tags="analogies")


def test_a_tag_in_place_of_a_graph_and_a_graph_to_delete_that_is_misspelt(atlas: Atlas, examples: Any) -> None:
    with pytest.raises(NotFoundError, match="'analogies' is a tag, not a graph"):
        atlas.graph("analogies")
    with pytest.raises(NotFoundError, match="Did you mean 'dallas'"):
        atlas.delete("dalas")


def test_what_is_0_of_a_node_is_shown(atlas: Atlas, examples: Any) -> None:
    shown = atlas.graph("dallas").node("token:0").table()[1]
    assert ["position", 0] in shown
    assert ["inputs", 0] in shown
    assert "activation" not in [name for name, _ in shown]


def test_the_same_content_under_a_second_name(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    name = new_name()
    result = atlas.ingest(example_file("dallas"), name=name).ingested
    assert any("'dallas'" in warning and "count it twice" in warning for warning in result.warnings)
    assert "dallas" in atlas.recurring("dallas", name, "night", k=1).notes[0]
    [left_out] = atlas.only_features("dallas", without=[name]).notes
    assert left_out == f"{name} was left out and has the same content as dallas, so it has all of its features."


def test_notes_go_to_stderr_and_into_json(run: Run) -> None:
    done = run("paths", "dallas", "--from", "Austin", "--to", "Dallas", "--json")
    assert done.returncode == 0
    assert done.stderr.startswith("Note: No path")
    assert json.loads(done.stdout)["notes"][0] in done.stderr
    table = run("paths", "dallas", "--from", "Austin", "--to", "Dallas", "--table")
    assert "Note" not in table.stdout
    assert "notes" not in json.loads(run("paths", "dallas", "-k", "1", "--json").stdout)


def test_several_graphs_are_deleted(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = [new_name(), new_name(), new_name()]
    for name, tags in zip(names, ([], ["to-delete"], ["to-delete"]), strict=True):
        atlas.ingest(example_file("dallas"), name=name, tags=tags)
    with pytest.raises(NotFoundError):
        atlas.delete(names[0], "nothing")
    assert names[0] in [summary.graph for summary in atlas.graphs().graphs]
    assert sorted(atlas.delete(names[0], tags=["to-delete"])) == sorted(names)
    assert not {summary.graph for summary in atlas.graphs().graphs} & set(names)


def test_graphs_of_different_transcoders_share_nothing_and_say_so(atlas: Atlas, examples: Any) -> None:
    for found in (
        atlas.common_features("dallas", "dallas-llama"),
        atlas.recurring("dallas", "dallas-llama"),
        atlas.compare("dallas", "dallas-llama"),
    ):
        assert "sets of transcoders" in found.notes[0]
    assert atlas.recurring("dallas", "night").notes == []
    assert atlas.compare("dallas", "dallas").notes == ["Both graphs are 'dallas', so everything is shared."]


def test_numbers_of_hops_that_contradict_each_other(atlas: Atlas, examples: Any) -> None:
    graph = examples["night"]
    for question in (graph.paths, graph.count, graph.score_distribution):
        with pytest.raises(InvalidArgumentError, match="hops cannot be combined"):
            question(min_hops=2, hops=1)
    assert [path.hops for path in graph.report(hops=1, k=1).paths] == [1]


@pytest.fixture
def without_probabilities(atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> str:
    """The graph `night` without the probabilities of its logits, so that influence is not defined."""
    document = example_document("night")
    for node in document["nodes"]:
        node.pop("token_prob", None)
    path = tmp_path / "unknown.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return atlas.ingest(path, name=new_name()).name


def test_influence_that_is_not_defined_is_told_of(atlas: Atlas, examples: Any, without_probabilities: str) -> None:
    name = without_probabilities
    told = f"Influence is not defined in {name}, and counts as 0 there."
    for found in (
        atlas.compare("night", name),
        atlas.similar("night"),
        atlas.recurring("night", name),
        atlas.enriched_features("night", name, baseline=["winter"]),
        atlas.common_features("night", name),
        atlas.feature("0/18753", graphs=["night", name]),
    ):
        assert told in found.notes
    assert atlas.compare(name, name).notes.count(told) == 1
    assert told not in atlas.compare("night", name, targets=["logit:1"]).notes
    assert not any("not defined" in note for note in atlas.recurring("night", "winter").notes)
    first = "Graphs whose logits have no probabilities, so that the first counts as the target: 1."
    assert first in atlas.enriched_edges("night", name, baseline=["winter"], k=1).notes
    assert first in atlas.recurring_motifs("night", name, k=1).notes
    assert first in atlas.enriched_motifs("night", name, baseline=["winter"], k=1).notes
