"""Graphs that came through Neo4j's importer are the same as those that were written online."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from circuit_atlas.ingest.files import graph_files
from circuit_atlas.ingest.import_files import ImportFiles
from circuit_atlas.schema.properties import PROPERTIES
from support.examples import EXAMPLES, NAMES
from support.program import PROGRAM, Run, fails

from circuit_atlas import Atlas
from circuit_atlas.errors import IngestError, LocalServerError
from circuit_atlas.export import write_pt
from circuit_atlas.graph.data import ActiveFeatures
from circuit_atlas.server import LocalServer
from circuit_atlas.store import bulk
from circuit_atlas.synth import Shape, synthesize

NODES = "MATCH (n) RETURN labels(n) AS labels, properties(n) AS p"
EDGES = """
MATCH (a)-[r]->(b)
RETURN type(r) AS type, a.graph AS graph, coalesce(a.key, a.name) AS start,
  coalesce(b.key, b.name, b.layer + '/' + b.index + b.model + b.source_set) AS end, properties(r) AS p
"""
TIMES = ("created_at", "published_at")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, a `.pt`, and a file with empty texts, fields of links beyond the usual, and supernodes."""
    made = tmp_path_factory.mktemp("graphs")
    for name in NAMES:
        (made / f"{name}.json").write_bytes((EXAMPLES / f"{name}.json").read_bytes())
    data = synthesize(Shape(layers=4, positions=4, features_per_layer=20), slug="synthetic")
    places, activation = np.arange(300).reshape(3, 100) % 4, np.linspace(1, 2, 100)
    active = ActiveFeatures(*places, activation, np.concatenate([np.full(20, -1), np.arange(80)]))
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A small server of these tests' own."""
    server = LocalServer(tmp_path_factory.mktemp("bulk") / "store")
    server.start(quiet=True, heap="1g", page_cache="128m")
    yield server
    server.stop()


@pytest.fixture
def store(server: LocalServer) -> Path:
    """The directory of its store, emptied."""
    with Atlas(store=server.store.path) as atlas:
        atlas.cypher("MATCH (n) DETACH DELETE n", write=True)
    return server.store.path


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
        node["p"] |= {name: type(node["p"][name]).__name__ for name in TIMES if name in node["p"]}
    return sorted(json.dumps(node, sort_keys=True) for node in nodes), edges, schema


def test_it_is_the_same_as_online(folder: Path, store: Path, tmp_path: Path) -> None:
    other = LocalServer(tmp_path / "online")
    with Atlas(other.start(quiet=True, heap="1g", page_cache="128m")) as atlas:
        for path in graph_files([folder]):  # one after the other: of several labels of a feature, the first is shown
            atlas.ingest(path, tags=["all", path.stem])
        online = dump(atlas)
    other.stop()
    with Atlas(store=store) as atlas:
        found = atlas.ingest_all([folder], bulk=True, tags=["all"])
        assert {file.result.status for file in found.files if file.result} == {"ingested"}
        for path in graph_files([folder]):
            atlas.ingest(path, tags=[path.stem])
        made = dump(atlas)
        assert any('"explanation": "' in line for line in made[0])
        assert {label for line in made[0] for label in json.loads(line)["labels"]} >= set(PROPERTIES)
        assert any('"extra"' in line for line in made[1])
        assert any('"prompt": ""' in line for line in made[0])
        for mine, theirs in zip(made, online, strict=True):
            assert mine == theirs
        again = atlas.ingest_all([folder], bulk=True)
        assert {file.result.status for file in again.files if file.result} == {"unchanged"}


def test_what_was_there_stays(folder: Path, store: Path) -> None:
    with Atlas(store=store) as atlas:
        atlas.ingest(folder / "odd.json", tags=["kept", "odd"])
        atlas.ingest(folder / "dallas.json", name="dallas")
        atlas.cypher("MATCH (f:TranscoderFeature) WITH f LIMIT 1 SET f.index = -1", write=True)
        paths = atlas.graph("dallas").paths(k=5)
        before = set(dump(atlas)[0])
        found = atlas.ingest_all([folder / "oakland.json"], bulk=True, name="oakland")
        assert [file.result.status for file in found.files if file.result] == ["ingested"]
        assert atlas.graph("dallas").paths(k=5) == paths
        assert before <= set(dump(atlas)[0])
        assert {summary.graph for summary in atlas.graphs().graphs} == {"dallas", "oakland", "odd"}
        assert [path.name for path in store.glob("data*")] != ["data"]
        document = json.loads((folder / "odd.json").read_text(encoding="utf-8"))
        document["links"] = document["links"][:-1]
        (store / "changed.json").write_text(json.dumps(document))
        failed = atlas.ingest_all([store / "changed.json"], bulk=True)
        assert failed.failed == 1
        assert "--replace" in str(failed.files[0].error)
        replaced = atlas.ingest_all([store / "changed.json"], bulk=True, replace=True)
        assert [file.result.status for file in replaced.files if file.result] == ["replaced"]
        tags = "MATCH (:Graph {name: 'odd'})-[:TAGGED]->(t) RETURN t.name AS tag ORDER BY tag"
        assert atlas.cypher(tags).rows == [{"tag": "kept"}, {"tag": "odd"}]


def test_what_is_not_ours_is_not_thrown_away(folder: Path, store: Path) -> None:
    with Atlas(store=store) as atlas:
        atlas.ingest(folder / "dallas.json")
        atlas.cypher("CREATE (:Mine {x: 1})", write=True)
        with pytest.raises(IngestError, match="1 nodes and 0 relationships that are not of circuit-atlas"):
            atlas.ingest_all([folder / "oakland.json"], bulk=True)
        assert atlas.cypher("MATCH (n:Mine) RETURN n.x AS x").rows == [{"x": 1}]
        assert len(atlas.graphs().graphs) == 1


def test_the_old_store_stays_when_the_new_one_is_wrong(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Atlas(store=store) as atlas:
        atlas.ingest(folder / "dallas.json", name="dallas")
        before, data = dump(atlas), list(store.glob("data*"))
        add = bulk._add
        monkeypatch.setattr(bulk, "_add", lambda *graph: add(*graph) * 2)
        with pytest.raises(IngestError, match="the new store holds"):
            atlas.ingest_all([folder / "oakland.json"], bulk=True)
        assert dump(atlas) == before
        monkeypatch.setattr(bulk, "_add", add)
        monkeypatch.setattr(ImportFiles, "node_files", [("Graph", Path("missing.parquet"))])
        with pytest.raises(LocalServerError, match="failed"):
            atlas.ingest_all([folder / "oakland.json"], bulk=True)
        assert dump(atlas) == before
    assert list(store.glob("data*")) == data
    assert not list(store.glob("import-*"))


def test_a_kill_leaves_the_old_or_the_new_store(folder: Path, store: Path) -> None:
    environment = {**os.environ, "CIRCUIT_ATLAS_STORE": str(store)}
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    with Atlas(store=store) as atlas:
        atlas.ingest(folder / "dallas.json", name="dallas")
        before = dump(atlas)
    for _ in range(2):
        with subprocess.Popen(
            [PROGRAM, "ingest", str(folder / "oakland.json"), "--bulk"], env=environment, stdout=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(moments.uniform(1.5, 14))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        with Atlas(store=store) as atlas:
            names = sorted(summary.graph for summary in atlas.graphs().graphs)
            assert names in (["dallas"], ["capital_oakland-20251026-163348", "dallas"]), seed
            if names == ["dallas"]:
                assert dump(atlas) == before, seed
            else:
                atlas.delete(names[0])
    assert len(list(store.glob("data*"))) == 1


def test_only_a_local_store_can_be_made_anew(run: Run, folder: Path) -> None:
    fails(run("ingest", str(folder / "oakland.json"), "--bulk"), 1, "local store", "--import-files")
