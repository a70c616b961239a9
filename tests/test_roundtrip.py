"""Every writer and its reader, on graphs that nobody would think of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import example_file
from support.graphs import edge_list

from circuit_atlas import Atlas
from circuit_atlas.export.columns import node_columns
from circuit_atlas.export.formats import write_graph
from circuit_atlas.graph.data import ArrayEdges, EdgeBlock, GraphData
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.schema.limits import MAX_WEIGHT
from circuit_atlas.synth import Shape, synthesize

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
WEIGHTS = st.floats(-MAX_WEIGHT, MAX_WEIGHT).filter(bool)
SHAPES = st.builds(
    Shape,
    layers=st.integers(1, 3),
    positions=st.integers(1, 3),
    features_per_layer=st.integers(0, 4),
    logits=st.integers(1, 3),
    density=st.just(0.0),
    seed=st.integers(0, 99),
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def graphs(draw: st.DrawFn) -> GraphData:
    """Nodes of a synthetic graph, with any texts, and any effects of any weight between them, cycles too."""
    data = synthesize(draw(SHAPES), slug=draw(TEXTS.filter(lambda text: "~" not in text and text.isprintable())))
    n = len(data.nodes)
    ends = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    found = draw(st.dictionaries(ends, WEIGHTS, max_size=25))
    target, source = np.array(list(found), np.int32).reshape(-1, 2).T
    texts = draw(st.lists(TEXTS, min_size=n, max_size=n))
    nodes = replace(data.nodes, token=[text and new for text, new in zip(data.nodes.token, texts, strict=True)])
    prompt = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    metadata = data.metadata.model_copy(
        update={"prompt": prompt, "file_form": {"dtypes": {"adjacency_matrix": "float64"}}}
    )
    return replace(
        data, metadata=metadata, nodes=nodes, edges=ArrayEdges.sorted(target, source, np.array(list(found.values())))
    )


def columns(data: GraphData) -> EdgeBlock:
    blocks = [EdgeBlock(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0)), *data.edges.blocks(7)]
    target, source, weight = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return EdgeBlock(target, source, weight)


def same_edges(found: GraphData, wanted: GraphData) -> None:
    keys = [[data.nodes.key(i) for i in range(len(data.nodes))] for data in (found, wanted)]
    assert keys[0] == keys[1]
    assert edge_list(found.edges) == edge_list(wanted.edges)


@given(data=graphs())
@settings(deadline=None)
def test_any_graph_comes_back_from_json(data: GraphData) -> None:
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.json", Path(folder) / "second.json"
        write_graph(data, first)
        again = read_graph(first)
        same_edges(again, data)
        for name in ("prompt", "slug", "model", "source_set"):
            assert getattr(again.metadata, name) == getattr(data.metadata, name)
        write_graph(again, second)
        assert json.loads(second.read_bytes()) == json.loads(first.read_bytes())


@pytest.mark.parametrize("name", ["dallas", "opposite-small"])
def test_a_pt_has_the_source_set_of_the_json(name: str, torch: ModuleType, tmp_path: Path) -> None:
    """The `scan` of both files is `gemma-2-2b`, and their transcoders differ."""
    data = read_graph(example_file(name))
    write_graph(data, tmp_path / "graph.pt")
    metadata = read_graph(tmp_path / "graph.pt").metadata
    assert (metadata.model, metadata.source_set) == (data.metadata.model, data.metadata.source_set)
    given = read_graph(example_file(name), source_set="mine")
    write_graph(given, tmp_path / "given.pt")
    assert read_graph(tmp_path / "given.pt").metadata.source_set == "mine"


@given(data=graphs())
@settings(max_examples=40, deadline=None)
def test_any_graph_comes_back_from_pt(data: GraphData, torch: ModuleType) -> None:
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.pt", Path(folder) / "second.pt"
        write_graph(data, first)
        again = read_graph(first)
        same_edges(again, data)
        assert again.nodes.token[-1] == data.nodes.token[-1]
        write_graph(again, second)
        ours, theirs = (vars_of(path) for path in (second, first))
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            equal = torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value
            assert equal, name


def vars_of(path: Path) -> dict[str, Any]:
    from circuit_tracer import Graph

    content: dict[str, Any] = vars(Graph.from_pt(str(path)))
    return content


@given(data=graphs())
@settings(max_examples=40, deadline=None)
def test_any_graph_comes_back_from_parquet(data: GraphData) -> None:
    with TemporaryDirectory() as folder:
        write_graph(data, Path(folder) / "graph.parquet")
        assert pyarrow.parquet.read_table(Path(folder) / "graph.nodes.parquet").to_pydict() == node_columns(data)
        edges = pyarrow.parquet.read_table(Path(folder) / "graph.parquet")
        for name, column in columns(data)._asdict().items():
            assert edges[name].to_numpy().astype(column.dtype).tobytes() == column.tobytes()


@given(data=graphs())
@settings(max_examples=40, deadline=None)
def test_any_graph_comes_back_from_graphml(data: GraphData) -> None:
    import networkx

    with TemporaryDirectory() as folder:
        write_graph(data, Path(folder) / "graph.graphml")
        found = networkx.read_graphml(Path(folder) / "graph.graphml")
    keys = [data.nodes.key(i) for i in range(len(data.nodes))]
    assert list(found) == keys
    wanted = {(keys[int(s)], keys[int(t)]): w for t, s, w in zip(*columns(data), strict=True)}
    assert {ends: found.edges[ends]["weight"] for ends in found.edges} == wanted


@given(data=graphs())
@FEW
def test_any_graph_comes_back_from_the_database(data: GraphData, atlas: Atlas, new_name: Any) -> None:
    name = new_name()
    load_graph(atlas, data, name=name)
    again = read_graph_data(find_graph(atlas, name))
    same_edges(again, data)
    assert content_hash(again) == content_hash(data)
