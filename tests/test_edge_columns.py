"""The columns of edges in the database equal the relationships, whatever happened to the graph."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.examples import NAMES, example_file
from support.graphs import array_edges, edge_list, make_graph
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import CypherError
from circuit_atlas.graph import packed
from circuit_atlas.graph.data import EdgeExtra
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.queries import stored_edges
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.stored_edges import read_columns, read_edges, read_edges_of, read_relationships
from circuit_atlas.schema.edge_columns import BLOCKS_PER_STATEMENT

MATCH = "MATCH (c:EdgeColumns {graph: $graph}) WHERE c.block >= 0"
COUNT = f"{MATCH} RETURN count(c) AS n"
DELETE = f"{MATCH} DELETE c"


def blocks(atlas: Atlas, name: str) -> int:
    found: int = atlas.cypher(COUNT, {"graph": name}).rows[0]["n"]
    return found


def assert_columns(atlas: Atlas, name: str) -> None:
    """They are stored, and equal the relationships."""
    graph = find_graph(atlas, name)
    columns, relationships = read_columns(graph), read_relationships(graph)
    assert edge_list(columns.edges) == edge_list(relationships.edges)
    assert columns.extras == relationships.extras
    assert atlas.verify(name).damaged == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_ingest_writes_them(name: str, atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    assert_columns(atlas, name)


def test_they_share_the_fate_of_their_graph(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small graphs are written in one transaction, others apart; both can be replaced and deleted."""
    monkeypatch.setattr(packed, "BLOCK", 1000)
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 0.1), (1, 2, 2.0)]), name=name)
    assert blocks(atlas, name) == 1
    assert_columns(atlas, name)
    atlas.ingest(example_file("night"), name=name, replace=True)
    assert blocks(atlas, name) > 3
    assert_columns(atlas, name)
    atlas.delete(name)
    assert blocks(atlas, name) == 0
    assert atlas.cypher("MATCH (c:EdgeColumns) WHERE c.graph CONTAINS '~' RETURN c.graph").rows == []


def test_a_graph_without_them_gets_them_with_the_first_question(atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    graph = atlas.ingest(example_file("night"), name=name)
    before = graph.count(sources=["token:1"])
    atlas.cypher(DELETE, {"graph": name}, write=True)
    assert atlas.verify(name).damaged == 0
    with Atlas(atlas._connection) as fresh:
        assert fresh.graph(name).count(sources=["token:1"]) == before
    assert_columns(atlas, name)


def test_doctor_makes_them(run: Run, atlas: Atlas, new_name: Callable[[], str]) -> None:
    def found(*options: str) -> str:
        findings = json.loads(run("doctor", *options).stdout)["findings"]
        return str(next(f["detail"] for f in findings if f["subject"] == "columns of edges"))

    name = new_name()
    atlas.ingest(example_file("night"), name=name)
    assert found() == "graphs without them: 0"
    atlas.cypher(DELETE, {"graph": name}, write=True)
    assert found() == "graphs without them: 1; `circuit-atlas doctor --fix` makes them"
    assert found("--fix") == "graphs without them: 0"
    assert_columns(atlas, name)
    other = new_name()  # after it
    atlas.ingest(example_file("night"), name=other)
    for graph in (name, other):
        atlas.cypher(DELETE, {"graph": graph}, write=True)
    damage = "MATCH (:Node {graph: $graph})-[r:DIRECT_EFFECT]->() WITH r LIMIT 1 DELETE r"
    atlas.cypher(damage, {"graph": name}, write=True)
    fails(run("doctor", "--fix"), 1, name, "edges instead of")
    assert_columns(atlas, other)


def test_a_user_who_may_not_write_gets_the_answer(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name()
    atlas.ingest(example_file("night"), name=name)
    expected = edge_list(read_edges(find_graph(atlas, name)).edges)
    atlas.cypher(DELETE, {"graph": name}, write=True)

    def refused(*_: object, **_patience: object) -> None:
        raise CypherError("writing is not allowed for this user", fix="")

    monkeypatch.setattr(StoredGraph, "write", refused)
    assert edge_list(stored_edges.read_edges(find_graph(atlas, name)).edges) == expected
    assert blocks(atlas, name) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "SET c.content_hash = 'of another graph'",
        "SET c.sources = c.weights",
        "SET c.first = 9999",
        "SET c.inputs = null",
        "SET c.weight_type = '<i4'",
    ],
)
def test_damaged_ones_are_not_used(damage: str, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """`verify` finds them, and a question makes new ones from the relationships."""
    name = new_name()
    atlas.ingest(example_file("night"), name=name)
    expected = edge_list(read_relationships(find_graph(atlas, name)).edges)
    atlas.cypher(f"{MATCH} {damage}", {"graph": name}, write=True)
    assert "columns" in atlas.verify(name).graphs[0].problems[0]
    assert edge_list(read_edges(find_graph(atlas, name)).edges) == expected
    assert_columns(atlas, name)


def test_those_of_several_graphs_are_read_together(
    atlas: Atlas, examples: dict[str, GraphHandle], new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph without columns, with damaged ones, or with more blocks than one statement reads, is read alone."""
    monkeypatch.setattr(packed, "BLOCK", 300)
    names = [new_name() for _ in range(3)]
    for name in names:
        atlas.ingest(example_file("night"), name=name)
    assert blocks(atlas, names[0]) > BLOCKS_PER_STATEMENT
    atlas.cypher(DELETE, {"graph": names[1]}, write=True)
    atlas.cypher(f"{MATCH} SET c.sources = c.weights", {"graph": names[2]}, write=True)
    graphs = [find_graph(atlas, name) for name in ("dallas", *names, "winter")]
    expected = [edge_list(read_relationships(graph).edges) for graph in graphs]
    assert [edge_list(found.edges) for found in read_edges_of(graphs)] == expected
    assert [edge_list(found.edges) for found in read_edges_of(graphs[:1])] == expected[:1]
    for name in names:
        assert_columns(atlas, name)


def test_relationships_changed_by_hand_are_found(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Questions about a whole graph are then answered as it was ingested."""
    name = new_name()
    graph = atlas.ingest(example_file("night"), name=name)
    before = graph.count(sources=["token:1"])
    change = """
    MATCH (:Node {graph: $graph, ordinal: 0})-[r:DIRECT_EFFECT]-() WITH r LIMIT 1 SET r.weight = r.weight + 1
    """
    assert atlas.verify(name).damaged == 0
    atlas.cypher(change, {"graph": name}, write=True)
    problems = atlas.verify(name).graphs[0].problems
    assert "its columns of edges differ from its relationships" in problems
    with Atlas(atlas._connection) as fresh:
        assert fresh.graph(name).count(sources=["token:1"]) == before


def test_bytes_are_read_as_they_are(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    statement = "MATCH (c:EdgeColumns {graph: 'night', block: 0}) RETURN c, c.inputs AS inputs, [c.inputs] AS list"
    [row] = atlas.cypher(statement).rows
    assert isinstance(row["inputs"], bytes)
    assert row["c"]["inputs"] == row["inputs"] == row["list"][0]
    assert f'"inputs":"{b64encode(row["inputs"]).decode()}"' in atlas.cypher(statement).to_json()


def test_extras_are_read_with_them(atlas: Atlas, new_name: Callable[[], str]) -> None:
    data = make_graph([0, 1, 2], [(0, 1, 0.1), (1, 2, 2.0)])
    extras = (EdgeExtra(2, 1, '{"note": 1}'),)
    name = new_name()
    load_graph(atlas, replace(data, edges=array_edges([(0, 1, 0.1), (1, 2, 2.0)]), edge_extras=extras), name=name)
    assert read_columns(find_graph(atlas, name)).extras == extras
    assert_columns(atlas, name)


def test_extras_of_many_edges_are_read_some_at_a_time(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_edges, "MAX_ROWS", 2)
    edges = [(0, 2, 0.1), (1, 2, 2.0), (0, 3, 1.0), (1, 3, 1.0), (2, 3, 1.0)]
    extras = tuple(EdgeExtra(target, source, '{"note": 1}') for source, target, _ in edges)
    name = new_name()
    load_graph(atlas, replace(make_graph([0, 0, 1, 2], edges), edge_extras=extras), name=name)
    assert read_columns(find_graph(atlas, name)).extras == extras
