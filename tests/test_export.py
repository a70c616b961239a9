"""What comes out of the database is what went in, in every format; and a check that notices when it is not."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.examples import EXAMPLES, NAMES, example_document, example_file
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import (
    GraphExistsError,
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
    LocalServerError,
)
from circuit_atlas.export.columns import node_columns
from circuit_atlas.export.formats import write_graph
from circuit_atlas.export.graphml_file import _clean
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import GraphData
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest import read_graph
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

if TYPE_CHECKING:
    from circuit_tracer import Graph, ReplacementModel


def as_values(document: dict[str, Any]) -> dict[str, Any]:
    """A JSON graph with its links in order; weights that are whole numbers equal floats."""
    links = sorted(document["links"], key=lambda link: (link["target"], link["source"]))
    return {**document, "links": links}


@pytest.mark.parametrize("name", NAMES)
def test_exported_json_equals_the_file(name: str, atlas: Atlas, examples: Any, tmp_path: Path) -> None:
    atlas.export(name, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert as_values(again) == as_values(example_document(name))


def test_exported_json_with_unknown_fields_equals_the_file(
    atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    document = json.loads((EXAMPLES / "dallas-haiku.json").read_text(encoding="utf-8"))
    ids = [node["node_id"] for node in document["nodes"]]
    document["links"][5]["note"] = {"by": ["somebody"]}
    document["links"][6]["weight"] = 0
    document["links"][7] |= {"weight": 0.0, "why": "no effect"}
    document["links"][8]["weight"] = 3
    document["nodes"][3] |= {"clerp": 'quotes " and \\ and \u2028', "more": [1, None]}
    document["qParams"] = {"supernodes": [["z", *ids[5:2:-1]], ["empty"]], "pinnedIds": ids[:2]}
    document["beside"] = {"kept": True}
    (tmp_path / "odd.json").write_text(json.dumps(document))
    name = new_name()
    atlas.ingest(tmp_path / "odd.json", name=name)
    atlas.export(name, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert as_values(again) == as_values(document)


def assert_same_graph(found: Graph, wanted: Graph, torch: ModuleType) -> None:
    """Every attribute of two circuit-tracer graphs is the same, types of tensors too."""
    assert vars(found).keys() == vars(wanted).keys()
    for name, value in vars(wanted).items():
        again = getattr(found, name)
        if isinstance(value, torch.Tensor):
            assert again.dtype == value.dtype, name
            assert torch.equal(again, value), name
        else:
            assert again == value, name


@pytest.mark.parametrize("kind", ["as attributed", "bfloat16", "selection", "odd"])
def test_an_exported_pt_equals_the_file(
    kind: str,
    atlas: Atlas,
    new_name: Callable[[], str],
    tmp_path: Path,
    torch: ModuleType,
    small_model: ModuleType,
    model: ReplacementModel,
) -> None:
    from circuit_tracer import Graph
    from circuit_tracer.frontend.graph_models import Model

    graph = small_model.attribute_prompt(model)
    match kind:
        case "bfloat16":
            graph.adjacency_matrix = graph.adjacency_matrix.bfloat16()
            graph.activation_values = graph.activation_values.bfloat16()
        case "selection":
            extra = torch.tensor([[0, 1, 5_000_000], [1, 2, 7]])
            graph.active_features = torch.cat([extra, graph.active_features])
            graph.selected_features = graph.selected_features.flip(0) + 2
            graph.activation_values = torch.cat([torch.tensor([0.1, 0.7]), graph.activation_values])
            n = len(graph.selected_features)
            order = torch.cat([torch.arange(n).flip(0), torch.arange(n, len(graph.adjacency_matrix))])
            graph.adjacency_matrix = graph.adjacency_matrix[order][:, order]
        case "odd":
            graph.scan = ["one", "two"]
            graph.cfg.n_key_value_heads, graph.cfg.dtype = 4, torch.bfloat16
            graph.input_tokens = graph.input_tokens.int()
    graph.to_pt(str(tmp_path / "given.pt"))
    name = new_name()
    atlas.ingest(tmp_path / "given.pt", name=name)
    atlas.export(name, tmp_path / "again.pt")
    again, given = (Graph.from_pt(str(tmp_path / name)) for name in ("again.pt", "given.pt"))
    assert_same_graph(again, given, torch)
    atlas.export(name, tmp_path / "graph.json")
    found = Model.model_validate(json.loads((tmp_path / "graph.json").read_text(encoding="utf-8")))
    assert len(found.links) == int((graph.adjacency_matrix != 0).sum())


def odd_graph() -> GraphData:
    """A graph with texts and numbers that are hard to write."""
    data = synthesize(Shape(layers=3, positions=4, features_per_layer=6, seed=3))
    texts: list[str | None] = [
        "\r\n",
        "\x00\x1f",
        "<&'\">",
        "\ufffe",
        "",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ]
    texts += [None] * (len(data.nodes) - len(texts))
    return replace(data, nodes=replace(data.nodes, label=texts))


def test_graphml_contains_all_columns(tmp_path: Path, atlas: Atlas, examples: Any) -> None:
    import networkx

    for data in (odd_graph(), read_graph(EXAMPLES / "dallas.json")):
        write_graph(data, tmp_path / "graph.graphml")
        found = networkx.read_graphml(tmp_path / "graph.graphml")
        columns = node_columns(data)
        keys = columns["key"]
        assert list(found) == keys
        for name, values in columns.items():
            clean = [
                value
                if not isinstance(value, str)
                else value.replace("\x00\x1f", "\\x00\\x1f").replace("\ufffe", "\\xfffe")
                for value in values
            ]
            assert [
                found.nodes[key].get(name, "" if value == "" else None) for key, value in zip(keys, values, strict=True)
            ] == clean, name
        weights = {(s, t): found.edges[s, t]["weight"] for s, t in found.edges}
        wanted = [
            (keys[s], keys[t], w)
            for block in data.edges.blocks(1000)
            for t, s, w in zip(*(c.tolist() for c in block), strict=True)
        ]
        assert weights == {(s, t): w for s, t, w in wanted}
        assert found.graph["prompt"] == data.metadata.prompt
    atlas.export("dallas", tmp_path / "stored.graphml")
    assert (tmp_path / "stored.graphml").read_bytes() == (tmp_path / "graph.graphml").read_bytes()


def test_ids_that_xml_cannot_have_remain_different() -> None:
    texts = ["a\x01", "a\\x01", "a\\", "a\\x5cx01", "a\\n"]
    assert len({_clean(text) for text in texts}) == len(texts)
    assert _clean("a\\n") == "a\\n"


def test_parquet_contains_all_columns(tmp_path: Path, atlas: Atlas, examples: Any) -> None:
    import pyarrow.parquet

    for data in (odd_graph(), read_graph(EXAMPLES / "dallas.json")):
        write_graph(data, tmp_path / "graph.parquet")
        nodes = pyarrow.parquet.read_table(tmp_path / "graph.nodes.parquet")
        assert nodes.to_pydict() == node_columns(data)
        edges = pyarrow.parquet.read_table(tmp_path / "graph.parquet")
        whole = next(iter(data.edges.blocks(1 << 30)))
        for name in ("target", "source", "weight"):
            assert np.array_equal(edges[name].to_numpy(), getattr(whole, name))
        assert json.loads(edges.schema.metadata[b"circuit_atlas"]) == json.loads(data.metadata.model_dump_json())
    atlas.export("dallas", tmp_path / "stored.parquet")
    (tmp_path / "other.nodes.parquet").touch()  # written beside the edges
    with pytest.raises(InputError, match=r"other.nodes.parquet: already exists"):
        atlas.export("dallas", tmp_path / "other.parquet")
    for ending in (".parquet", ".nodes.parquet"):
        assert (tmp_path / f"stored{ending}").read_bytes() == (tmp_path / f"graph{ending}").read_bytes()


def test_files_are_overwritten_only_when_told_to(tmp_path: Path, atlas: Atlas, examples: Any) -> None:
    (tmp_path / "there.json").write_text("mine")
    with pytest.raises(InputError, match="--overwrite"):
        atlas.export("dallas", tmp_path / "there.json")
    with pytest.raises(InvalidArgumentError, match=r"\.graphml"):
        atlas.export("dallas", tmp_path / "dallas.csv")
    with pytest.raises(GraphNotFoundError):
        atlas.export("nothing", tmp_path / "dallas.json")
    with pytest.raises(InputError, match="cannot be written"):
        atlas.export("dallas", tmp_path / "no" / "dallas.json")
    assert (tmp_path / "there.json").read_text() == "mine"
    atlas.export("dallas", tmp_path / "there.json", overwrite=True)
    assert len(list(tmp_path.iterdir())) == 1


def test_verify_compares_with_a_file(
    atlas: Atlas, examples: dict[str, GraphHandle], new_name: Callable[[], str], tmp_path: Path
) -> None:
    file = EXAMPLES / "dallas.json"
    assert atlas.verify("dallas").damaged == 0
    found = atlas.verify("dallas", file).graphs[0]
    assert (found.problems, found.nodes, found.edges) == ([], 415, 4944)
    assert found.weights == pytest.approx(sum(link["weight"] for link in json.loads(file.read_bytes())["links"]))
    other = atlas.verify("dallas", example_file("night"))
    assert other.exit_code == 1
    assert any("nodes" in problem for problem in other.graphs[0].problems)
    with pytest.raises(InvalidArgumentError):
        atlas.verify(None, file)


def test_verify_compares_formats_of_which_one_has_more_columns(
    small_pt: Path, atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    of_pt, of_json = new_name(), new_name()
    atlas.ingest(small_pt, name=of_pt)
    atlas.export(of_pt, tmp_path / "small.json")
    atlas.ingest(tmp_path / "small.json", name=of_json)
    for name, file in ((of_json, small_pt), (of_pt, tmp_path / "small.json")):
        [found] = atlas.verify(name, file).graphs
        assert any("nodes differ" in problem for problem in found.problems)


DAMAGE = {
    "SET r.weight = r.weight + 1e-16": "weights differ",
    "SET r.weight = null": "missing",
    "DELETE r": "4,943 edges instead of 4,944",
    "CREATE (a)-[:DIRECT_EFFECT {weight: 1.0}]->(b)": "there are two edges",
    "DELETE r CREATE (b)-[:DIRECT_EFFECT {weight: 1.5}]->(a)": "other nodes",
    "SET a.activation = 3.25": "1 nodes differ",
    "DETACH DELETE a": "414 nodes",
    "WITH * MATCH (g:Graph {name: $name}) SET g.prompt = 'another'": "`prompt` differ",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_verify_finds_damage(damage: str, atlas: Atlas, new_name: Callable[[], str], tmp_path: Path) -> None:
    name = new_name()
    atlas.ingest(EXAMPLES / "dallas.json", name=name)
    edge = """MATCH (b:Node {graph: $name})<-[r:DIRECT_EFFECT]-(a:Feature) WHERE abs(r.weight) < 0.1
        WITH * ORDER BY abs(r.weight) LIMIT 1 """
    assert not atlas.verify(name).damaged
    atlas.cypher(edge + damage, {"name": name}, write=True)
    for found in (atlas.verify(name), atlas.verify(name, EXAMPLES / "dallas.json")):
        assert found.exit_code == 1
        assert found.graphs[0].problems
    if damage not in ("DETACH DELETE a",):
        assert any(DAMAGE[damage] in problem for problem in found.graphs[0].problems)


def test_import_files_of_files_need_no_store(tmp_path: Path) -> None:
    with Atlas(store=tmp_path / "store") as atlas:
        assert atlas.export_import_files(tmp_path / "folder", [EXAMPLES / "dallas.json"]).edges > 4944
        with pytest.raises(LocalServerError, match="no store here"):
            atlas.export_import_files(tmp_path / "other", ["dallas"])
    assert not (tmp_path / "store").exists()


def test_import_files_make_the_same_store(
    atlas: Atlas, own_server: LocalServer, examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(odd_graph(), tmp_path / "odd.json")
    result = atlas.export_import_files(tmp_path / "folder", ["dallas", tmp_path / "odd.json"])
    assert result.edges > 4944
    command = (tmp_path / "folder" / "import.sh").read_text().splitlines()[-1]
    program, *arguments = shlex.split(command)
    assert program == "neo4j-admin"
    here = os.getcwd()
    try:
        os.chdir(tmp_path / "folder")
        connection = own_server.rebuild(lambda: None, lambda admin: admin.run(*arguments), lambda _: None, quiet=True)
    finally:
        os.chdir(here)
    with Atlas(connection) as other:
        for statement in (tmp_path / "folder" / "finish.cypher").read_text().split(";\n")[:-1]:
            with other.driver.session() as session:
                session.run(statement).consume()
        assert [graph.graph for graph in other.graphs().graphs] == ["dallas", "synthetic"]
        assert not other.verify().damaged
        assert other.graph("dallas").paths(k=5) == atlas.graph("dallas").paths(k=5)
        assert not other.verify("synthetic", tmp_path / "odd.json").damaged
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dallas").mkdir()  # the name is that of the stored graph
    assert atlas.export_import_files(tmp_path / "again", ["dallas"]).edges > 4944
    for wrong, error in ((["dallas", "dallas"], GraphExistsError), (["nothing"], GraphNotFoundError)):
        with pytest.raises(error):
            atlas.export_import_files(tmp_path / "other", wrong)
    with pytest.raises(InputError, match="already exists"):
        atlas.export_import_files(tmp_path / "folder", ["dallas"])
    assert not (tmp_path / "other").exists()


def test_a_backup_restores_the_same_answers(
    tmp_path: Path, run: Run, own_atlas: Atlas, own_server: LocalServer
) -> None:
    """A store that has one, and one that is made."""
    first, second = (["--store", str(path)] for path in (own_server.store.path, tmp_path / "second"))
    columns = ["query", "MATCH (c:EdgeColumns) RETURN c.content_hash AS hash, size(c.weights) AS size"]
    run("ingest", str(EXAMPLES / "dallas.json"), "--name", "dallas", *first)
    before = run("paths", "dallas", "--max-hops", "2", "--json", *first).stdout
    packed = run(*columns, *first).stdout
    dump = tmp_path / "store.dump"
    run("backup", str(dump), *first)
    assert json.loads(run("server", "status", "--json", *first).stdout)["running"]
    assert dump.stat().st_size > 10_000
    assert dump.stat().st_mode & 0o077 == 0
    fails(run("backup", str(dump), *first), 1, "--overwrite")
    run("restore", str(dump), *second)
    assert run("paths", "dallas", "--max-hops", "2", "--json", *second).stdout == before
    assert json.loads(run("verify", *second).stdout)["damaged"] == 0
    assert run(*columns, *second).stdout == packed != ""
    fails(run("restore", str(dump), *second), 1, "--replace")
    (tmp_path / "no.dump").write_bytes(dump.read_bytes()[:2000])
    fails(run("restore", str(tmp_path / "no.dump"), "--replace", *second), 3, "no.dump", "failed", "store is unchanged")
    own_atlas.cypher("MATCH (n) DETACH DELETE n", write=True)
    own_atlas.cypher("CREATE (:Movie {title: 'The Matrix'})", write=True)
    run("backup", str(tmp_path / "movies.dump"), *first)
    fails(run("restore", str(tmp_path / "movies.dump"), "--replace", *second), 1, "circuit-atlas did not make")
    assert run("paths", "dallas", "--max-hops", "2", "--json", *second).stdout == before
    run("server", "stop", *second)
    fails(run("restore", str(dump), *first), 1, "the store has no graph, but other data (Movie), which would be lost")
    run("restore", str(dump), "--replace", *first)
    own_atlas.graphs()
    position = own_atlas.position()
    own_server.stop()  # under a session, which starts it again
    own_atlas.restore(dump, replace=True)
    assert own_atlas.position() != position
    assert run("paths", "dallas", "--max-hops", "2", "--json", *first).stdout == before


@pytest.mark.parametrize("weight", [1e39, 1e-60])
def test_weights_that_a_pt_cannot_have_are_refused(
    weight: float, small_pt: Path, tmp_path: Path, torch: ModuleType
) -> None:
    data = read_graph(small_pt)
    edges = PackedEdges.of(data.edges, len(data.nodes)).as_arrays()
    edges.weight[0] = weight
    with pytest.raises(InputError, match="too large or too small for float32"):
        write_pt(replace(data, edges=edges), tmp_path / "g.pt")
    assert not (tmp_path / "g.pt").exists()
