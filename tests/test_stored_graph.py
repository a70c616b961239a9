"""What is read back from the database is what was ingested, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import EXAMPLES, NAMES, example_file
from support.graphs import edge_list

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.graph.data import ActiveFeatures, GraphData
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.synth import Shape, synthesize


@pytest.fixture
def back(atlas: Atlas) -> Callable[[str], GraphData]:
    """Reads a graph back, from its relationships; from the columns of its edges it must be the same."""

    def read(name: str) -> GraphData:
        data = read_graph_data(find_graph(atlas, name), relationships=True)
        assert content_hash(read_graph_data(find_graph(atlas, name))) == content_hash(data)
        return data

    return read


def same(found: GraphData, wanted: GraphData) -> None:
    """Every field of the two is the same."""
    assert found.metadata == wanted.metadata
    assert (found.supernodes, found.zero_links) == (wanted.supernodes, wanted.zero_links)
    assert found.edge_extras == wanted.edge_extras
    for ours, theirs in ((found.nodes, wanted.nodes), (found.active, wanted.active)):
        assert type(ours) is type(theirs)
        for field in fields(ours) if ours is not None else ():
            a, b = getattr(ours, field.name), getattr(theirs, field.name)
            same_type = isinstance(a, list) or a.dtype == b.dtype
            assert same_type, field.name
            assert a == b if isinstance(a, list) else a.tobytes() == b.tobytes(), field.name
    assert edge_list(found.edges) == edge_list(wanted.edges)
    assert content_hash(found) == content_hash(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_stored_examples_equal_their_files(name: str, back: Any, examples: dict[str, GraphHandle]) -> None:
    wanted = read_graph(example_file(name))
    same(back(name), wanted)
    assert examples[name].metadata["content_hash"] == content_hash(wanted)


def test_supernodes_pins_and_unknown_fields_are_read_back(
    back: Any, atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    document = json.loads((EXAMPLES / "dallas-haiku.json").read_text(encoding="utf-8"))
    document["metadata"] |= {"slug": "odd", "prompt": "", "prompt_tokens": []}
    document["nodes"][0]["clerp"] = ""
    for link in document["links"][3:9:2]:
        link["note"] = {"by": ["somebody"]}
    document["links"].reverse()
    ids = [node["node_id"] for node in document["nodes"]]
    groups = [["z, last", *ids[5:2:-1]], ["a", ids[4]], ["empty"]]
    document["qParams"] = {"supernodes": groups, "pinnedIds": [ids[2]]}
    (tmp_path / "odd.json").write_text(json.dumps(document))
    name = new_name()
    atlas.ingest(tmp_path / "odd.json", name=name)
    found = back(name)
    same(found, read_graph(tmp_path / "odd.json"))
    assert len(found.edge_extras) == 3
    assert [supernode.name for supernode in found.supernodes] == ["z, last", "a", "empty"]


SHAPES = [
    Shape(layers=4, positions=5, features_per_layer=40, density=0.5),
    Shape(layers=1, positions=1, features_per_layer=0, density=0),
    Shape(layers=5, positions=4, simple=True),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_stored_synthetic_graphs_are_read_back(
    shape: Shape, back: Any, atlas: Atlas, new_name: Callable[[], str]
) -> None:
    wanted, name = synthesize(shape), new_name()
    load_graph(atlas, wanted, name=name)
    if len(wanted.edges):
        same(back(name), wanted)
    assert content_hash(back(name)) == content_hash(wanted)


def test_nodes_and_edges_are_read_in_pages(
    back: Any, atlas: Atlas, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from circuit_atlas.queries import graphs, stored_edges

    monkeypatch.setattr(graphs, "_NODES_PER_PAGE", 7)
    monkeypatch.setattr(stored_edges, "_EDGES_PER_PAGE", 100)
    same(back("dallas"), read_graph(EXAMPLES / "dallas.json"))


def test_all_active_features_are_kept(back: Any, atlas: Atlas, new_name: Callable[[], str]) -> None:
    from dataclasses import replace

    rng, m = np.random.default_rng(0), 25_000
    data = synthesize(Shape())
    ordinal = np.full(m, -1)
    ordinal[rng.choice(m, 240, replace=False)] = np.arange(240)
    activation = rng.random(m)
    activation[:3] = np.nan, np.inf, -0.0
    layer, position, index = rng.integers(0, 1 << 40, (3, m))
    data = replace(data, active=ActiveFeatures(layer, position, index, activation, ordinal))
    name = new_name()
    load_graph(atlas, data, name=name)
    same(back(name), data)
    atlas.delete(name)
    assert atlas.cypher("MATCH (a:ActiveFeatures) RETURN count(a) AS n").rows == [{"n": 0}]
