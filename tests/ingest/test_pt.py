"""`.pt` files and `Graph` objects: the same graph from every generation, pruned as circuit-tracer does."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.graphs import IN_SMALL_PT, dense, status_of

from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.schema.keys import Kind
from circuit_atlas.synth import Shape, synthesize

if TYPE_CHECKING:
    from circuit_tracer import Graph, ReplacementModel


Spoil = Callable[[dict[str, Any], Any], object]  # changes the content of a file; the second argument is torch


def keys(data: GraphData) -> list[str]:
    return [data.nodes.key(i) for i in range(len(data.nodes))]


def test_a_file_is_read_without_torch(small_pt: Path) -> None:
    data, expected = read_graph(small_pt), synthesize(IN_SMALL_PT, slug="small")
    assert keys(data) == keys(expected)
    assert np.array_equal(dense(data), dense(expected))
    assert data.nodes.token[-2:] == expected.nodes.token[-2:]
    assert np.array_equal(data.nodes.probability, expected.nodes.probability.astype(np.float32), equal_nan=True)
    assert np.array_equal(data.nodes.activation, expected.nodes.activation.astype(np.float32), equal_nan=True)


def test_the_file_that_is_read_without_torch_is_circuit_tracers(
    small_pt: Path, torch: ModuleType, tmp_path: Path
) -> None:
    from circuit_tracer import Graph

    graph = Graph.from_pt(str(small_pt))
    assert np.array_equal(graph.adjacency_matrix.numpy(), dense(read_graph(small_pt)))
    write_pt(synthesize(IN_SMALL_PT, slug="small"), tmp_path / "again.pt")
    assert content_hash(read_graph(tmp_path / "again.pt")) == content_hash(read_graph(small_pt))


def test_a_graph_in_memory(attributed: Graph, small_model: ModuleType) -> None:
    data = read_graph(attributed)
    n_pos, n_layers = attributed.n_pos, attributed.cfg.n_layers
    counts = [data.nodes.count(kind) for kind in (Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT)]
    assert counts == [
        len(attributed.selected_features),
        n_layers * n_pos,
        n_pos,
        len(attributed.logit_targets),
    ]
    assert np.array_equal(dense(data), attributed.adjacency_matrix.double().numpy())
    assert len(data.edges) == int((attributed.adjacency_matrix != 0).sum())
    for i, place in enumerate(attributed.selected_features.tolist()):
        layer, position, index = attributed.active_features[place].tolist()
        assert data.nodes.key(i) == f"feature:{layer}/{index}@{position}"
        assert data.nodes.activation[i] == attributed.activation_values[place].item()
    assert data.metadata.tokens == ["<bos>", *small_model.PROMPT.split()]
    assert data.metadata.model == "gemma-2-2b"
    assert data.metadata.source_set == "gemmascope-transcoder-16k"


@pytest.mark.parametrize("generation", ["logit_tokens", "logit_targets", "logit_targets_tensor", "scan_name"])
def test_every_generation_of_files_is_read_to_the_same_graph(
    generation: str, attributed: Graph, model: ReplacementModel, small_model: ModuleType, tmp_path: Path
) -> None:
    path = small_model.save_generation(attributed, tmp_path / "small.pt", generation, config=model.cfg)
    data, expected = read_graph(path), read_graph(attributed)
    assert keys(data) == keys(expected)
    assert np.array_equal(dense(data), dense(expected))
    assert data.nodes.token == expected.nodes.token
    assert (data.metadata.tokens, data.metadata.n_layers) == (
        expected.metadata.tokens,
        expected.metadata.n_layers,
    )
    assert np.array_equal(data.nodes.probability, expected.nodes.probability, equal_nan=True)


def test_a_file_and_its_graph_have_the_same_content(saved: Path, attributed: Graph) -> None:
    assert content_hash(read_graph(saved)) == content_hash(read_graph(attributed))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_weights_of_every_type_are_exact(dtype: str, attributed: Graph, torch: ModuleType, tmp_path: Path) -> None:
    graph = copy.copy(attributed)
    graph.adjacency_matrix = attributed.adjacency_matrix.to(getattr(torch, dtype))
    graph.to_pt(str(tmp_path / "small.pt"))
    assert np.array_equal(dense(read_graph(tmp_path / "small.pt")), graph.adjacency_matrix.double().numpy())


def test_blocks_are_whole_rows_in_order(attributed: Graph) -> None:
    blocks = list(read_graph(attributed).edges.blocks(500))
    targets = np.concatenate([block.target for block in blocks])
    assert (np.diff(targets) >= 0).all()
    assert all(a.target[-1] < b.target[0] for a, b in zip(blocks, blocks[1:], strict=False))


@pytest.mark.parametrize("thresholds", [(0.8, 0.98), (0.5, 0.5), (0.95, 0.99), (0.1, 0.3)])
def test_pruning_is_that_of_circuit_tracers_files(
    thresholds: tuple[float, float], attributed: Graph, small_model: ModuleType, saved: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = dict(zip(("node_threshold", "edge_threshold"), thresholds, strict=True))
    data = read_graph(saved, **options)
    expected = read_graph(small_model.write_graph_files(copy.copy(attributed), tmp_path / "files", **options))
    assert keys(data) == keys(expected)
    assert np.array_equal(dense(data), dense(expected))
    assert np.array_equal(data.nodes.cumulative_influence, expected.nodes.cumulative_influence, equal_nan=True)
    assert data.metadata.node_threshold == thresholds[0]


def test_odd_fields_of_the_configuration_are_left_out(saved: Path, torch: ModuleType) -> None:
    content = torch.load(saved, weights_only=False)
    content["cfg"] = {"n_layers": content["cfg"].n_layers, 5: "x", "model_name": "/models/Small-1/"}
    torch.save(content, saved)
    assert read_graph(saved).metadata.model == "small-1"


def test_thresholds_out_of_range_are_refused(small_pt: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="node_threshold cannot be 1.5"):
        read_graph(small_pt, node_threshold=1.5)


def test_a_list_of_transcoders_has_a_stable_name(attributed: Graph) -> None:
    graph = copy.copy(attributed)
    graph.scan = ["a/layer_0", "a/layer_1"]
    names = {read_graph(graph).metadata.source_set for _ in range(2)}
    assert len(names) == 1
    assert names.pop().startswith("custom-")


def test_without_the_tokenizer_ids_stand_for_tokens(attributed: Graph, small_model: ModuleType, tmp_path: Path) -> None:
    graph = copy.copy(attributed)
    graph.cfg = copy.copy(attributed.cfg)
    graph.cfg.tokenizer_name = "nobody/nothing"
    data = read_graph(graph)
    assert data.metadata.tokens[:2] == ["<1>", "<2>"]
    assert "give --tokenizer" in data.metadata.warnings[0]
    folder = small_model.build_tokenizer(tmp_path)
    assert read_graph(graph, tokenizer=str(folder)).metadata.tokens == ["<bos>", *small_model.PROMPT.split()]


def test_a_token_that_no_tokenizer_has_is_shown_by_its_id(
    attributed: Graph, small_model: ModuleType, torch: ModuleType, tmp_path: Path
) -> None:
    graph = copy.copy(attributed)
    graph.vocab_size = 1 << 40
    graph.input_tokens = graph.input_tokens.clone().to(torch.int64)
    graph.input_tokens[0] = 1 << 33
    data = read_graph(graph, tokenizer=str(small_model.build_tokenizer(tmp_path)))
    assert data.metadata.tokens[:2] == [f"<{1 << 33}>", small_model.PROMPT.split()[0]]


def test_a_virtual_target_keeps_its_text(attributed: Graph) -> None:
    graph = copy.copy(attributed)
    first = type(graph.logit_targets[0])("logit(x)-logit(y)", graph.vocab_size)
    graph.logit_targets = [first, *graph.logit_targets[1:]]
    data = read_graph(graph)
    logit = len(data.nodes) - len(graph.logit_targets)
    assert data.nodes.token[logit] == "logit(x)-logit(y)"
    assert data.nodes.key(logit) == f"logit:{graph.vocab_size}@{graph.n_pos - 1}"


def test_a_file_is_stored_and_answers_as_its_graph_in_memory(
    atlas: Any, saved: Path, new_name: Any, attributed: Graph
) -> None:
    graph = atlas.ingest(saved, name=new_name())
    again = atlas.ingest(attributed, name=graph.name)
    assert status_of(again) == "unchanged"
    best = graph.paths(k=1, max_hops=1).paths[0]
    tokens = slice(-len(attributed.logit_targets) - attributed.n_pos, -len(attributed.logit_targets))
    row = attributed.adjacency_matrix[-len(attributed.logit_targets), tokens]
    assert best.score == row.max().item()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c, _: c.pop("adjacency_matrix"), "it has no adjacency_matrix"),
        (lambda c, _: c.pop("logit_targets"), "it has no logit_targets"),
        (lambda c, torch: c.update(adjacency_matrix=torch.zeros(3, 3)), r"adjacency_matrix: has shape \(3, 3\)"),
        (lambda c, _: c["adjacency_matrix"].__setitem__((5, 3), math.nan), r"matrix\[5, 3\]: the weight is nan"),
        (lambda c, _: c["adjacency_matrix"].__setitem__((5, 3), -math.inf), r"matrix\[5, 3\]: the weight is -inf"),
        (
            lambda c, _: c.update(adjacency_matrix=c["adjacency_matrix"].double() * 1e308),
            r"adjacency_matrix\[\d+, \d+\]: the weight is .*e\+30.*; its size is more than 1e\+300",
        ),
        (lambda c, _: c["selected_features"].__setitem__(0, 10**9), "selected_features: points beyond"),
        (lambda c, _: c["selected_features"].__setitem__(0, c["selected_features"][1]), "names a feature twice"),
        (lambda c, _: c["active_features"].__setitem__((0, 0), 77), "active_features: names layers"),
        (lambda c, _: c["active_features"].__setitem__((0, 1), 77), "active_features: names positions"),
        (lambda c, _: c["active_features"].__setitem__((0, 2), -1), "active_features: contains negative"),
        (
            lambda c, torch: c.update(active_features=torch.zeros(4, 2, dtype=torch.long)),
            r"active_features: has shape \(4, 2\)",
        ),
        (lambda c, torch: c.update(activation_values=torch.zeros(1)), "activation_values: does not fit"),
        (lambda c, torch: c.update(logit_probabilities=torch.zeros(1)), "logit_probabilities: does not fit"),
        (lambda c, torch: c.update(input_tokens=torch.zeros(3)), "input_tokens: does not contain integers"),
        (lambda c, _: c.update(logit_targets=[1, 2]), "logit_targets: is not a list of targets"),
        (lambda c, _: c.update(cfg={}), "cfg: does not give the number of layers"),
        (lambda c, _: c.update(scan=3), "scan: must be a string"),
    ],
)
def test_the_error_of_a_wrong_pt_says_what_is_wrong_and_where(
    spoil: Spoil, message: str, saved: Path, torch: ModuleType
) -> None:
    content = torch.load(saved, weights_only=False)
    spoil(content, torch)
    torch.save(content, saved)
    with pytest.raises(InputError, match=message) as raised:
        read_graph(saved)
    assert str(saved) in str(raised.value)


def test_a_file_ingested_twice_is_one_graph(atlas: Any, saved: Path, new_name: Any) -> None:
    name = new_name()
    first = load_graph(atlas, read_graph(saved), name=name)
    second = load_graph(atlas, read_graph(saved), name=name)
    assert (first.status, second.status) == ("ingested", "unchanged")


READ_ALONE = """
import sys
sys.modules["torch"] = sys.modules["circuit_tracer"] = None
from pathlib import Path
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.content import content_hash
print(content_hash(read_graph(Path(sys.argv[1]))))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def test_a_large_file_is_read_without_torch_and_in_little_memory(torch: ModuleType, tmp_path: Path) -> None:
    """The matrix as it lies in the file, and 400 MB at most."""
    path = tmp_path / "large.pt"
    write_pt(synthesize(Shape(layers=6, features_per_layer=800, density=0.1)), path)
    done = subprocess.run([sys.executable, "-c", READ_ALONE, path], capture_output=True, text=True, check=True)
    content, peak = done.stdout.split()
    assert content == content_hash(read_graph(path))
    assert int(peak) * 1024 < path.stat().st_size + 400e6
