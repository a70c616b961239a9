"""Suggested supernodes, stored or not, and supernodes copied to another graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.examples import EXAMPLES, example_file
from support.graphs import edge_list
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.circuits import circuit_steps
from circuit_atlas.errors import AtlasError, CircuitNotFoundError, InvalidArgumentError, SupernodeNotFoundError
from circuit_atlas.graph.collapse import collapse
from circuit_atlas.graph.order import topological_order
from circuit_atlas.ingest import read_graph
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.supernodes import suggest_supernodes


@pytest.fixture
def dallas(atlas: Atlas, new_name: Callable[[], str]) -> GraphHandle:
    """A copy of its own."""
    return atlas.ingest(EXAMPLES / "dallas.json", name=new_name())


def test_suggested_supernodes_are_stored_on_request(atlas: Atlas, dallas: GraphHandle) -> None:
    found = dallas.suggest_supernodes()
    assert (found.features, found.written, found.circuit) == (50, False, None)
    assert not dallas.supernodes().supernodes
    members = [node.key for supernode in found for node in supernode.members]
    everyone = {*members, *(node.key for node in found.alone)}
    assert len(members) + len(found.alone) == len(everyone) == 50
    assert everyone == {found.node.key for found in dallas.influence(kinds=["feature"], k=50).contributors}
    assert all({node.position for node in supernode.members} in ({9}, {10}) for supernode in found)
    assert all(0.3 <= supernode.similarity <= 1 for supernode in found)
    assert found.flow is not None
    assert found.flow.kept + found.flow.inside + found.flow.cancelled == pytest.approx(1)

    written = dallas.suggest_supernodes(write=True)
    assert written.written
    stored = dallas.supernodes().supernodes
    assert {s.name: {node.key for node in s.members} for s in stored} == {
        s.name: {node.key for node in s.members} for s in found
    }
    assert {(s.source, s.rule) for s in stored} == {
        ("rule", "suggested from 50 features, similarity 0.3, position span 0")
    }
    collapsed = read_graph_data(dallas.collapsed())
    assert len(collapsed.nodes) == 415 - len(members) + len(stored)
    assert topological_order(collapsed.edges, np.zeros(len(collapsed.nodes))) is not None
    assert edge_list(collapsed.edges) == edge_list(collapse(read_graph_data(dallas)).edges)
    assert dallas.collapsed().paths(max_hops=3, k=3).paths

    with pytest.raises(InvalidArgumentError, match="were suggested before") as refused:
        dallas.suggest_supernodes(groups=10, write=True)
    assert "--replace" in str(refused.value)
    dallas.create_supernode("end", ["token:10"])
    fewer = dallas.suggest_supernodes(groups=12, write=True, replace=True)
    assert [s.name for s in dallas.supernodes().supernodes] == ["end", *(s.name for s in fewer)]
    assert len(fewer) + len(fewer.alone) == 12

    none = dallas.suggest_supernodes(features=2, similarity=1, write=True, replace=True)
    assert not none.written
    assert f"The {len(fewer)} supernodes that were suggested before are deleted." in none.notes
    assert [s.name for s in dallas.supernodes().supernodes] == ["end"]


def test_the_features_of_a_circuit_are_grouped(dallas: GraphHandle) -> None:
    circuit = dallas.circuit(nodes=20, name="main")
    found = dallas.suggest_supernodes(circuit="main", similarity=-1, position_span=None)
    assert {node.key for s in found for node in s.members} | {node.key for node in found.alone} == {
        found.node.key for found in circuit.nodes
    }
    near = dallas.suggest_supernodes(circuit="main", similarity=-1, layer_span=1, features=10)
    assert near.features == 10
    for supernode in near:
        layers = [node.layer or 0 for node in supernode.members]
        assert max(layers) - min(layers) <= 1
    assert dallas.suggest_supernodes(targets=["Austin"]).flow != dallas.suggest_supernodes().flow
    alone = dallas.suggest_supernodes(features=2, similarity=1, write=True)
    assert (len(alone), alone.similarity, alone.written) == (0, None, False)
    assert "lower similarity" in alone.notes[0]
    few = dallas.suggest_supernodes(features=20, groups=1)
    assert f"{len(few) + len(few.alone)} groups are left" in few.notes[0]


def test_the_order_of_nodes_in_a_file_does_not_matter(
    atlas: Atlas, examples: dict[str, GraphHandle], new_name: Callable[[], str], tmp_path: Path
) -> None:
    document = json.loads((EXAMPLES / "dallas.json").read_text(encoding="utf-8"))
    for part in ("nodes", "links"):
        np.random.default_rng(1).shuffle(document[part])
    (tmp_path / "shuffled.json").write_text(json.dumps(document), encoding="utf-8")
    shuffled = atlas.ingest(tmp_path / "shuffled.json", name=new_name())
    mine, theirs = (graph.suggest_supernodes() for graph in (examples["dallas"], shuffled))
    assert theirs.supernodes == mine.supernodes
    assert theirs.alone == mine.alone


def test_other_supernodes_are_kept_and_told_of(examples: dict[str, GraphHandle]) -> None:
    data = read_graph(example_file("dallas-haiku"))
    found = examples["dallas-haiku"].suggest_supernodes()
    held = {data.nodes.key(i) for supernode in data.supernodes for i in supernode.members}
    doubled = {node.key for s in found for node in s.members} & held
    assert found.notes == [
        f"{len(doubled)} of the features are in other supernodes, too: a node counts only in its last one.",
        "With the other supernodes of the graph, the collapsed graph has cycles.",
    ]
    assert not {s.name for s in found} & {s.name for s in data.supernodes}


def test_of_a_large_circuit_the_most_influential_features_are_grouped(
    atlas: Atlas, new_name: Callable[[], str]
) -> None:
    graph = find_graph(atlas, atlas.ingest(EXAMPLES / "opposite-small.json", name=new_name()).name)
    graph.write(*circuit_steps(graph, "all", range(graph.properties["nodes"]), rule=None))
    found = suggest_supernodes(graph, circuit="all")
    assert found.features == 500
    assert "Of 563 features, these are the 500 with the most influence." in found.notes


def test_impossible_suggestions_are_refused(examples: dict[str, GraphHandle], dallas: GraphHandle) -> None:
    for options, problem in (
        ({"groups": 3, "similarity": 0.2}, "either a number of groups or a similarity"),
        ({"similarity": 1.5}, "similarity cannot be 1.5"),
        ({"features": 1}, "features cannot be 1"),
        ({"features": 501}, "features cannot be 501"),
        ({"groups": 0}, "groups cannot be 0"),
        ({"layer_span": -1}, "layer_span cannot be -1"),
        ({"position_span": -1}, "position_span cannot be -1"),
    ):
        with pytest.raises(InvalidArgumentError, match=problem):
            examples["dallas"].suggest_supernodes(**options)
    with pytest.raises(CircuitNotFoundError, match="no circuit is named 'mine'"):
        dallas.suggest_supernodes(circuit="mine")
    dallas.score_circuit(["20/44686@10"], name="mine")
    with pytest.raises(InvalidArgumentError, match="grouping needs at least two features, and there are 1"):
        dallas.suggest_supernodes(circuit="mine")
    dallas.create_supernode("end", ["token:10"])
    with pytest.raises(InvalidArgumentError, match="is a collapsed graph"):
        dallas.collapsed().suggest_supernodes()


def test_supernodes_are_copied_by_feature(atlas: Atlas, new_name: Callable[[], str]) -> None:
    night, winter = (atlas.ingest(example_file(name), name=new_name()) for name in ("night", "winter"))
    places: dict[tuple[int | None, int | None], list[int | None]] = {}
    for node in winter.nodes().nodes:
        if node.kind == "feature":
            places.setdefault((node.layer, node.index), []).append(node.position)
    nodes = [node for node in night.nodes().nodes if node.kind == "feature"]
    same = next(n for n in nodes if n.position in places.get((n.layer, n.index), []))
    moved = next(n for n in nodes if n.position not in places.get((n.layer, n.index), [n.position]))
    missing = next(n for n in nodes if (n.layer, n.index) not in places)
    night.create_supernode("group", [same.key, moved.key, missing.key, "token:3"])
    night.create_supernode("nothing", [missing.key])

    copied = night.copy_supernodes(winter.name)
    group, nothing = copied.supernodes
    there = [f"feature:{moved.layer}/{moved.index}@{position}" for position in places[moved.layer, moved.index]]
    assert {node.key for node in group.members} == {same.key, *there}
    assert {node.key for node in group.moved} == set(there)
    assert {node.key for node in group.left_out} == {missing.key, "token:3"}
    assert (nothing.members, [node.key for node in nothing.left_out]) == ([], [missing.key])
    [stored] = winter.supernodes().supernodes
    assert (stored.name, stored.rule) == ("group", f"copied from {night.name!r}")
    assert {node.key for node in stored.members} == {node.key for node in group.members}

    with pytest.raises(InvalidArgumentError, match="'group' already exists"):
        night.copy_supernodes(winter.name, "group")
    assert night.copy_supernodes(winter.name, "group", replace=True)[0] == group


def test_impossible_copies_are_refused(
    atlas: Atlas, examples: dict[str, GraphHandle], dallas: GraphHandle, new_name: Callable[[], str]
) -> None:
    small = examples["opposite-small"]
    for source, target, names, error, problem in (
        (small, dallas.name, (), InvalidArgumentError, "different sets of transcoders"),
        (small, small.name, (), InvalidArgumentError, "to another graph"),
        (small, "no-such-graph", (), AtlasError, "no graph is named"),
        (dallas, "night", (), InvalidArgumentError, "has no supernodes"),
    ):
        with pytest.raises(error, match=problem):
            source.copy_supernodes(target, *names)
    dallas.create_supernode("tokens", ["token:1"])
    other = atlas.ingest(EXAMPLES / "dallas.json", name=new_name())
    with pytest.raises(SupernodeNotFoundError, match="no supernode is named 'other'"):
        dallas.copy_supernodes(other.name, "other")
    with pytest.raises(InvalidArgumentError, match="none of the features"):
        dallas.copy_supernodes(other.name)
    assert not other.supernodes().supernodes


def test_groups_that_hold_across_prompts(
    atlas: Atlas, examples: dict[str, GraphHandle], new_name: Callable[[], str]
) -> None:
    """Suggested on an aggregate, and copied to a graph that it was made of."""
    night = atlas.ingest(example_file("night"), name=new_name())
    both = atlas.aggregate(night.name, "winter", name=new_name())
    found = both.suggest_supernodes(write=True)
    assert found.supernodes
    copied = both.copy_supernodes(night.name)
    assert [s.name for s in copied] == [s.name for s in found]
    assert not any(s.moved for s in copied)
    keys = {node.key.partition("@")[0] for s in copied for node in s.members}
    assert keys <= {node.key for s in found for node in s.members}


def test_the_commands(run: Run, dallas: GraphHandle) -> None:
    shown = run("supernodes", "suggest", dallas.name, "--features", "20", "--table")
    assert "not written" in shown.stdout
    answer = json.loads(run("supernodes", "suggest", dallas.name, "--write").stdout)
    assert answer["written"]
    assert answer["supernodes"] == json.loads(dallas.suggest_supernodes().to_json())["supernodes"]
    rows = run("supernodes", "suggest", dallas.name, "--csv", "--rows", "members").stdout.splitlines()
    assert len(rows) == 1 + sum(len(s["members"]) for s in answer["supernodes"])
    fails(run("supernodes", "suggest", dallas.name, "--write"), 1, "--replace")
    fails(run("supernodes", "copy", dallas.name, "opposite-small"), 1, "different sets of transcoders")
    fails(run("supernodes", "suggest", dallas.name, "--similarity", "2"), 2, "similarity")
