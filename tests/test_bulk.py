"""Graphs written by Neo4j's importer are the same as those written online."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.database import clear
from support.examples import DATA, EXAMPLES, NAMES, example_file
from support.graphs import array_edges, edge_list
from support.program import PROGRAM, Run, fails

from circuit_atlas import Atlas
from circuit_atlas.errors import GraphExistsError, IngestError, LocalServerError, SchemaVersionError
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import ActiveFeatures
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest.files import graph_files
from circuit_atlas.ingest.graph_rows import GraphRows
from circuit_atlas.ingest.import_files import ImportFiles
from circuit_atlas.ingest.rows import Row
from circuit_atlas.queries.aggregates import read_sums
from circuit_atlas.schema.apply import create_constraints
from circuit_atlas.schema.properties import LABELS, imported_types
from circuit_atlas.server import LocalServer
from circuit_atlas.store.others import check_no_others
from circuit_atlas.store.stored_rows import StoredRows
from circuit_atlas.synth import Shape, synthesize

NODES = "MATCH (n) RETURN labels(n) AS labels, properties(n) AS p"
EDGES = """
MATCH (a)-[r]->(b)
RETURN type(r) AS type, a.graph AS graph, coalesce(a.key, a.name) AS start,
  coalesce(b.key, b.name, b.layer + '/' + b.index + b.model + b.source_set) AS end, properties(r) AS p
"""
OF_ITS_OWN = ("created_at", "published_at", "version")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples (`night.json` is packed with gzip), a `.pt`, graphs with attention features and QK pairs, and a file
    with empty texts, fields of links beyond the usual, and supernodes."""
    made = tmp_path_factory.mktemp("graphs")
    for name in ("chess-bt4-lorsa", "made-crm-lorsa-qk"):
        (made / f"{name}.json").write_bytes((DATA / f"{name}.json.gz").read_bytes())
    for name in set(NAMES) - {"opposite-small"}:  # which has nothing that others lack, and more edges than all of them
        (made / f"{name}.json").write_bytes(example_file(name).read_bytes())
    data = synthesize(Shape(layers=4, positions=4, features_per_layer=20), slug="synthetic")
    layer, position, index = np.arange(300).reshape(3, 100) % 4
    ordinal = np.concatenate([np.full(20, -1), np.arange(80)])
    active = ActiveFeatures(layer, position, index, np.linspace(1, 2, 100), ordinal)
    nodes = data.nodes
    for ours, theirs in ((active.layer, nodes.layer), (active.position, nodes.position), (active.index, nodes.index)):
        ours[20:] = theirs[:80]
    write_pt(replace(data, active=active), made / "synthetic.pt")
    document = json.loads((EXAMPLES / "dallas-haiku.json").read_text(encoding="utf-8"))
    document["metadata"] |= {"slug": "odd", "prompt": ""}
    document["links"][3]["note"] = "kept"
    ids = [node["node_id"] for node in document["nodes"]]
    document["qParams"] = {"supernodes": [["a group", *ids[:3]], ["another", ids[4]]], "pinnedIds": [ids[2]]}
    (made / "odd.json").write_text(json.dumps(document))
    return made


@pytest.fixture
def store(own_server: LocalServer, own_atlas: Atlas) -> Path:
    """The directory of its store."""
    return own_server.store.path


def dump(atlas: Atlas) -> tuple[list[str], list[str], list[str]]:
    """All there is: nodes with labels and properties, relationships with ends and properties, schema."""
    with atlas.driver.session() as session:
        nodes = [record.data() for record in session.run(NODES)]
        edges = sorted(json.dumps(record.data(), sort_keys=True) for record in session.run(EDGES))
        schema = [
            str(record.data())
            for show in ("CONSTRAINTS", "INDEXES")
            for record in session.run(
                f"SHOW {show} YIELD name, type, labelsOrTypes, properties "
                "RETURN name, type, labelsOrTypes, properties ORDER BY name"
            )
        ]
    for node in nodes:
        node["p"] |= {name: type(node["p"][name]).__name__ for name in OF_ITS_OWN if name in node["p"]}
    return sorted(json.dumps(node, sort_keys=True, default=bytes.hex) for node in nodes), edges, schema


def test_a_bulk_ingest_stores_the_same_as_one_online(folder: Path, own_atlas: Atlas) -> None:
    for path in graph_files([folder]):  # one after the other: of several labels of a feature, the first is shown
        own_atlas.ingest(path, tags=["all", path.stem])
    online = dump(own_atlas)
    clear(own_atlas.driver)
    found = own_atlas.ingest_all([folder], bulk=True, tags=["all"])
    assert {file.result.status for file in found.files if file.result} == {"ingested"}
    for path in graph_files([folder]):
        own_atlas.ingest(path, tags=[path.stem])
    made = dump(own_atlas)
    assert any('"explanation": "' in line for line in made[0])
    assert {label for line in made[0] for label in json.loads(line)["labels"]} >= {
        label for label, declared in LABELS.items() if imported_types(declared.properties)
    } - {"Circuit"}  # which no file has; see the next test
    assert any('"extra"' in line for line in made[1])
    assert any('"prompt": ""' in line for line in made[0])
    for mine, theirs in zip(made, online, strict=True):
        assert mine == theirs
    again = own_atlas.ingest_all([folder], bulk=True)
    assert {file.result.status for file in again.files if file.result} == {"unchanged"}


def test_a_bulk_ingest_keeps_the_graphs_of_the_store(folder: Path, own_atlas: Atlas, store: Path) -> None:
    """With circuits, with what aggregates know of their effects, and with their sums."""
    own_atlas.ingest(folder / "odd.json", tags=["kept", "odd"])
    dallas = own_atlas.ingest(folder / "dallas.json", name="dallas")
    dallas.circuit(nodes=5, name="five")
    dallas.score_circuit("token:9", name="given")
    circuits = dallas.circuits()
    own_atlas.ingest(example_file("taste"), name="taste")
    own_atlas.aggregate("dallas", "taste", name="map")
    sums = read_sums(own_atlas, "map")
    assert sums is not None
    feature = "MATCH (:Node {graph: 'odd'})-[:ACTIVATION_OF]->(f) WITH f LIMIT 1 "  # none of `map`, which is verified
    own_atlas.cypher(feature + "SET f.index = -1", write=True)
    paths = own_atlas.graph("dallas").paths(k=5)
    nodes, edges, _ = map(set, dump(own_atlas))
    assert any("weight_sd" in edge for edge in edges)
    found = own_atlas.ingest_all([folder / "night.json"], bulk=True, name="night")
    assert [file.result.status for file in found.files if file.result] == ["ingested"]
    assert own_atlas.graph("dallas").paths(k=5) == paths
    assert own_atlas.graph("dallas").circuits() == circuits
    assert read_sums(own_atlas, "map") == sums
    after = dump(own_atlas)
    assert nodes <= set(after[0])
    assert edges <= set(after[1])
    assert not own_atlas.verify("map").damaged
    assert {summary.graph for summary in own_atlas.graphs().graphs} == {"dallas", "map", "night", "odd", "taste"}
    assert [path.name for path in store.glob("data*")] != ["data"]
    document = json.loads((folder / "odd.json").read_text(encoding="utf-8"))
    gone = next(node for node in document["nodes"][5:] if node["feature_type"] == "cross layer transcoder")
    document["nodes"].remove(gone)
    document["links"] = [link for link in document["links"] if gone["node_id"] not in (link["source"], link["target"])]
    (store / "changed.json").write_text(json.dumps(document))
    failed = own_atlas.ingest_all([store / "changed.json"], bulk=True)
    assert failed.failed == 1
    assert "--replace" in str(failed.files[0].error)
    replaced = own_atlas.ingest_all([store / "changed.json"], bulk=True, replace=True)
    assert [file.result.status for file in replaced.files if file.result] == ["replaced"]
    tags = "MATCH (:Graph {name: 'odd'})-[:TAGGED]->(t) RETURN t.name AS tag ORDER BY tag"
    assert own_atlas.cypher(tags).rows == [{"tag": "kept"}, {"tag": "odd"}]
    layer, index, _ = map(int, gone["node_id"].split("_"))  # no other graph of its model has it
    left = "MATCH (f:TranscoderFeature {layer: $layer, index: $index}) RETURN f.model AS model"
    assert own_atlas.cypher(left, {"layer": layer, "index": index}).rows == []


def test_a_store_with_data_of_other_programs_is_not_rebuilt(folder: Path, own_atlas: Atlas) -> None:
    own_atlas.ingest(folder / "dallas.json")
    own_atlas.cypher("CREATE (:Mine {x: 1})", write=True)
    with pytest.raises(IngestError, match="1 nodes and 0 relationships that are not circuit-atlas's"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)
    own_atlas.write("MATCH (g:Graph) CREATE (:Node {graph: g.name, key: 'mine'})")
    with pytest.raises(IngestError, match="2 nodes and 0 relationships"):
        check_no_others(own_atlas)
    own_atlas.write("MATCH (n:Node {key: 'mine'}) DELETE n")
    assert own_atlas.cypher("MATCH (n:Mine) RETURN n.x AS x").rows == [{"x": 1}]
    assert len(own_atlas.graphs().graphs) == 1
    own_atlas.cypher("MATCH (n:Mine) DELETE n", write=True)
    own_atlas.cypher("MATCH (n:Token) SET n:Seen", write=True)
    with pytest.raises(IngestError, match="nodes have labels that are not circuit-atlas's: Seen"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)


@pytest.mark.parametrize(
    ("made", "removed", "what"),
    [
        (
            "MATCH (n:Token) SET n:Seen",
            "MATCH (n:Seen) REMOVE n:Seen",
            "nodes have labels: Seen",
        ),
        (
            "MATCH (t:Tag) SET t.note = 'mine'",
            "MATCH (t:Tag) REMOVE t.note",
            "the store has properties: Tag.note",
        ),
        (
            "MATCH (n:Token) SET n.mark = 1",
            "MATCH (n:Token) REMOVE n.mark",
            "the store has properties: Node.mark",
        ),
        (
            "MATCH ()-[r:TAGGED]->() SET r.weight = 1.0",
            "MATCH ()-[r:TAGGED]->() REMOVE r.weight",
            "the store has properties: TAGGED.weight",
        ),
        (
            "MATCH ()-[r:DIRECT_EFFECT]->() WITH r LIMIT 1 SET r.rating = 5",
            "MATCH ()-[r:DIRECT_EFFECT]->() REMOVE r.rating",
            "the store has properties: DIRECT_EFFECT.rating",
        ),
        (
            "CREATE INDEX mine FOR (n:Node) ON (n.clerp)",
            "DROP INDEX mine",
            "the store has indexes: mine",
        ),
        (
            "CREATE CONSTRAINT mine FOR (n:Supernode) REQUIRE n.order IS UNIQUE",
            "DROP CONSTRAINT mine",
            "the store has constraints: mine",
        ),
        (
            "CREATE USER reader SET PASSWORD 'read-only-1'",
            "DROP USER reader",
            "the store has users: reader",
        ),
    ],
)
def test_what_people_added_to_a_store_is_not_lost(
    folder: Path, own_atlas: Atlas, made: str, removed: str, what: str
) -> None:
    own_atlas.ingest(folder / "dallas.json", tags=["kept"])
    check_no_others(own_atlas)
    own_atlas.write(made)
    with pytest.raises(IngestError, match=re.escape(what.replace(":", " that are not circuit-atlas's:"))):
        check_no_others(own_atlas)
    own_atlas.write(removed)
    check_no_others(own_atlas)


def test_nodes_of_other_programs_are_left_alone(folder: Path, own_atlas: Atlas) -> None:
    """Whose labels and properties are like ours."""
    own_atlas.write("CREATE (:Tag {name: 'math'}), (:Article)-[:HAS_TAG]->(:Tag {name: 'logic'})")
    own_atlas.write("CREATE (:Graph {name: 'roads', status: 'loading'}), (:Node {graph: 'roads', ordinal: 1})")
    own_atlas.write("CREATE (:Graph {name: 'rails', status: 'deleting', owner: 'me'})")
    own_atlas.ingest(folder / "dallas.json", name="dallas", tags=["math", "logic", "own"])
    own_atlas.tag("dallas", remove=["logic", "own"])
    own_atlas.delete("dallas")
    own_atlas.ingest(folder / "dallas.json", name="dallas")
    theirs = "MATCH (n) WHERE n:Tag OR n.name IN ['roads', 'rails'] OR n.graph = 'roads'"
    rows = own_atlas.cypher(f"{theirs} RETURN count(n) AS n, labels(n) AS of").rows
    found = {row["of"][0]: row["n"] for row in rows}
    assert found == {"Tag": 1, "Graph": 2, "Node": 1}  # a tag that nothing else uses is ours


def test_an_index_of_another_program_is_not_taken_for_ours(own_atlas: Atlas) -> None:
    """Neo4j makes no constraint, and says nothing, where one of the name exists."""
    create_constraints(own_atlas)
    own_atlas.write("DROP CONSTRAINT circuit_name")
    own_atlas.write("CREATE CONSTRAINT circuit_name FOR (c:City) REQUIRE c.name IS UNIQUE")
    try:
        with pytest.raises(SchemaVersionError, match="the index 'circuit_name', .* is of :City"):
            create_constraints(own_atlas)
        own_atlas.write("DROP CONSTRAINT circuit_name")
        own_atlas.write("CREATE CONSTRAINT theirs FOR (c:Circuit) REQUIRE (c.graph, c.name) IS UNIQUE")
        create_constraints(own_atlas)  # the same under another name
    finally:
        own_atlas.write("DROP CONSTRAINT circuit_name IF EXISTS")
        own_atlas.write("DROP CONSTRAINT theirs IF EXISTS")
        create_constraints(own_atlas)


def test_what_others_write_meanwhile_is_not_lost(
    folder: Path, own_atlas: Atlas, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_atlas.ingest(folder / "dallas.json", name="dallas")
    features, late = StoredRows.all_features, ["CREATE USER late SET PASSWORD 'secret-password'"]

    def write_and_read(rows: StoredRows) -> Iterator[tuple[Row, bool]]:
        with Atlas(store=store) as another:
            if late:
                another.write(late.pop())
            else:
                another.tag("dallas", add=["late"])
        return features(rows)

    monkeypatch.setattr(StoredRows, "all_features", write_and_read)
    with pytest.raises(IngestError, match="the store has users that are not circuit-atlas's: late"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)
    own_atlas.write("DROP USER late")
    with pytest.raises(IngestError, match="another process changed the store"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)
    [summary] = own_atlas.graphs().graphs
    assert summary.tags == ["late"]


def test_two_files_of_one_graph_are_told_apart(folder: Path, own_atlas: Atlas, tmp_path: Path) -> None:
    document = json.loads((folder / "dallas.json").read_text(encoding="utf-8"))
    for name in ("a", "b"):
        document["metadata"]["slug"] = "same"
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        document["links"].pop()
    for is_first_stored in (False, True):
        if is_first_stored:
            own_atlas.ingest(tmp_path / "a.json")
        with pytest.raises(GraphExistsError, match="another of these files has a graph 'same'"):
            own_atlas.ingest_all([tmp_path], bulk=True, replace=True, fail_fast=True)


def test_a_store_stays_as_it_is_when_the_new_one_is_wrong(
    folder: Path, own_atlas: Atlas, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_atlas.ingest(folder / "dallas.json", name="dallas")
    before, data = dump(own_atlas), list(store.glob("data*"))
    add = ImportFiles.add

    def add_half(made: ImportFiles, name: str, rows: GraphRows) -> None:
        edges = edge_list(rows.edges)
        half = PackedEdges.of(array_edges(edges[: len(edges) // 2]), rows.size[0])
        add(made, name, replace(rows, edges=half))

    monkeypatch.setattr(ImportFiles, "add", add_half)
    with pytest.raises(IngestError, match="the new store has"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)
    assert dump(own_atlas) == before
    monkeypatch.setattr(ImportFiles, "add", add)
    monkeypatch.setattr(ImportFiles, "node_files", [("Graph", Path("missing.parquet"))])
    with pytest.raises(LocalServerError, match="failed"):
        own_atlas.ingest_all([folder / "night.json"], bulk=True)
    assert dump(own_atlas) == before
    assert list(store.glob("data*")) == data
    assert not list(store.glob("import-*"))


def test_a_kill_leaves_the_old_or_the_new_store(
    folder: Path, own_atlas: Atlas, own_env: dict[str, str], store: Path
) -> None:
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    own_atlas.ingest(folder / "dallas.json", name="dallas")
    before = dump(own_atlas)
    for _ in range(2):
        with subprocess.Popen(
            [PROGRAM, "ingest", str(folder / "night.json"), "--bulk"], env=own_env, stdout=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(moments.uniform(1.5, 14))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        with Atlas(store=store) as atlas:
            names = sorted(summary.graph for summary in atlas.graphs().graphs)
            assert names in (["dallas"], ["dallas", "night-clt-hp"]), seed
            if names == ["dallas"]:
                assert dump(atlas) == before, seed
            else:
                atlas.delete(names[0])
    assert len(list(store.glob("data*"))) == 1


def test_only_a_local_store_can_be_rebuilt(run: Run, folder: Path) -> None:
    fails(run("ingest", str(folder / "night.json"), "--bulk"), 1, "local store", "--import-files")
