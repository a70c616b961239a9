"""Synthetic graphs: of the true shape, reproducible, readable by circuit-tracer, with counts known in closed form."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.examples import NAMES, example_document, example_file
from support.graphs import edge_list

from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.export.json_file import write_json
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.synth import Shape, simple_path_counts, synthesize, write_synthetic
from circuit_atlas.synth.graph import MAX_NODES

SHAPES = st.builds(
    Shape,
    layers=st.integers(1, 5),
    positions=st.integers(1, 5),
    features_per_layer=st.integers(0, 12),
    logits=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.3, 1.0]),
    weights=st.sampled_from(["lognormal", "normal", "coarse", "constant"]),
    simple=st.booleans(),
    seed=st.integers(0, 5),
)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES)
def test_edges_are_causal_and_the_same_seed_makes_the_same_graph(shape: Shape) -> None:
    """Causal in position, forward in layers, into features and logits only; the same seed, the same graph."""
    data = synthesize(shape)
    nodes, edges = data.nodes, edge_list(data.edges)
    assert len(nodes) == shape.nodes
    assert len(data.edges) == len(edges)
    assert len({nodes.key(i) for i in range(len(nodes))}) == len(nodes)
    keys = [nodes.key(i) for i in range(len(nodes))]
    for source, target, weight in edges:
        assert nodes.depth[source] < nodes.depth[target]
        assert nodes.position[source] <= nodes.position[target]
        assert keys[target].startswith(("feature", "logit"))
        assert weight == np.float32(weight) != 0
    if shape.weights == "coarse" and edges:
        bits = np.array([w for *_, w in edges], np.float32).view(np.uint32)
        assert not (bits & 0xFFFF).any()
    possible = sum(
        1
        for t in range(len(nodes))
        if keys[t].startswith(("feature", "logit"))
        for s in range(len(nodes))
        if nodes.depth[s] < nodes.depth[t] and nodes.position[s] <= nodes.position[t]
    )
    if shape.density == 1.0 and not shape.simple:
        assert len(edges) == possible
    assert edge_list(synthesize(shape).edges) == edges
    by_row = [block for block in data.edges.rows(np.arange(len(nodes), dtype=np.int32)) if block.size]
    assert sum(block.size for block in by_row) == len(edges)


@pytest.mark.parametrize(("layers", "positions"), [(1, 1), (2, 3), (3, 2), (5, 4), (6, 3)])
def test_counts_of_simple_graphs_have_a_closed_form(layers: int, positions: int, atlas: Any, new_name: Any) -> None:
    """By enumeration, and as counted in the database."""
    data = synthesize(Shape(layers=layers, positions=positions, simple=True))
    tokens = np.flatnonzero(data.nodes.kind == 2).tolist()
    paths = oracle.all_paths(edge_list(data.edges), tokens, [len(data.nodes) - 1], layers)
    expected = simple_path_counts(layers + 1, positions, layers)
    assert oracle.count_by_hops(paths, layers) == expected
    name = new_name()
    load_graph(atlas, data, name=name)
    assert atlas.graph(name).count(max_hops=layers).counts == expected


def test_a_large_simple_graph(atlas: Any, new_name: Any) -> None:
    """The notebook's size: 25 layers, 10 positions, too many paths to enumerate."""
    name = new_name()
    load_graph(atlas, synthesize(Shape(layers=25, positions=10, simple=True)), name=name)
    expected = simple_path_counts(26, 10, 12)
    assert atlas.graph(name).count(max_hops=12).counts == expected
    assert sum(expected.values()) > 10**11


@pytest.mark.parametrize("ending", [pytest.param(".pt", marks=pytest.mark.torch), ".json"])
@pytest.mark.parametrize("simple", [False, True])
def test_a_written_graph_is_read_again(ending: str, simple: bool, tmp_path: Path) -> None:
    shape = Shape(layers=4, positions=3, features_per_layer=7, density=0.5, simple=simple, seed=2)
    result = write_synthetic(tmp_path / f"made{ending}", shape)
    data, again = synthesize(shape), read_graph(result.file)
    assert (result.nodes, result.edges) == (len(data.nodes), len(data.edges))
    keys = {data.nodes.key(i) for i in range(len(data.nodes))}
    read_keys = [again.nodes.key(i) for i in range(len(again.nodes))]
    assert keys <= set(read_keys)
    assert all(key.startswith("error") for key in set(read_keys) - keys)  # a .pt has every error
    named = [(data.nodes.key(s), data.nodes.key(t), w) for s, t, w in edge_list(data.edges)]
    assert Counter((read_keys[s], read_keys[t], w) for s, t, w in edge_list(again.edges)) == Counter(named)
    assert again.metadata.prompt == data.metadata.prompt
    assert again.metadata.tokens == data.metadata.tokens or ending == ".pt"


def test_circuit_tracer_reads_them(torch: ModuleType, tmp_path: Path) -> None:
    from circuit_tracer import Graph
    from circuit_tracer.frontend.graph_models import Model

    write_synthetic(tmp_path / "made.pt", Shape(seed=1))
    graph = Graph.from_pt(str(tmp_path / "made.pt"))
    data = synthesize(Shape(seed=1))
    assert graph.adjacency_matrix.shape == (len(data.nodes), len(data.nodes))
    assert int((graph.adjacency_matrix != 0).sum()) == len(data.edges)
    write_synthetic(tmp_path / "made.json", Shape(seed=1))
    model = Model.model_validate(json.loads((tmp_path / "made.json").read_text(encoding="utf-8")))
    assert (len(model.nodes), len(model.links)) == (len(data.nodes), len(data.edges))


@pytest.mark.parametrize("name", NAMES)
def test_a_written_json_equals_the_one_read(name: str, tmp_path: Path) -> None:
    """All but links of weight 0."""
    original = example_document(name)
    data = read_graph(example_file(name))
    write_json(data, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert content_hash(read_graph(tmp_path / "again.json")) == content_hash(data)
    links = [(link["target"], link["source"], link["weight"]) for link in original["links"] if link["weight"]]
    assert sorted((link["target"], link["source"], link["weight"]) for link in again["links"]) == sorted(links)
    assert [node["node_id"] for node in again["nodes"]] == [node["node_id"] for node in original["nodes"]]
    assert again["metadata"] == original["metadata"]
    assert again["qParams"] == original["qParams"]


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"as \.pt or \.json"):
        write_synthetic(tmp_path / "made.csv", Shape())
    with pytest.raises(InputError, match="cannot be written"):
        write_synthetic(tmp_path / "no folder" / "made.json", Shape())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.json").touch()
    with pytest.raises(InputError, match="already exists"):
        write_synthetic(tmp_path / "mine.json", Shape())
    assert write_synthetic(tmp_path / "mine.json", Shape(), overwrite=True).nodes


def test_a_pt_needs_a_layer(torch: ModuleType, tmp_path: Path) -> None:
    """The one layer of such an idealised graph is that of the tokens."""
    with pytest.raises(InputError, match=r"a \.pt needs at least one layer"):
        write_synthetic(tmp_path / "made.pt", Shape(layers=1, simple=True))
    assert not (tmp_path / "made.pt").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": 0},
        {"positions": 0},
        {"logits": 0},
        {"features_per_layer": -1},
        {"density": 1.5},
        {"weights": "even"},
        {"features_per_layer": MAX_NODES},
        {"layers": 1, "positions": 1, "features_per_layer": 16_385},
    ],
)
def test_impossible_shapes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        synthesize(Shape(**wrong))
