"""Files of every producer, which `tests/data/README.md` lists: what is read, what is refused, and what is reported."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.examples import DATA, EXAMPLES, NAMES, example_file

from circuit_atlas.errors import InputError
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.link_order import packed_order, unpacked_order
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.qk import read_qk
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.logit_labels import logit_text
from circuit_atlas.ingest.qk_rows import qk_rows
from circuit_atlas.ingest.source_sets import identify_lorsa
from circuit_atlas.schema.keys import Component, Kind
from circuit_atlas.schema.models import Supernode

CHESS, CRM = DATA / "chess-bt4-lorsa.json.gz", DATA / "made-crm-lorsa-qk.json.gz"
READABLE = sorted(
    path for path in DATA.glob("*.json*") if path.name not in ("made-nan-weight.json.gz", "made-dangling-links.json.gz")
)
TRANSCODER = "cross layer transcoder"


@pytest.fixture(scope="module")
def chess() -> GraphData:
    return read_graph(CHESS)


@pytest.fixture(scope="module")
def crm() -> GraphData:
    return read_graph(CRM)


@pytest.fixture
def small() -> dict[str, Any]:
    return oracle.read_document(DATA / "made-single-quote-logits.json.gz")


def write(folder: Path, document: Any) -> Path:
    path = folder / "graph.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def kinds(data: GraphData) -> dict[str, int]:
    return dict(Counter(KINDS[kind].value for kind in data.nodes.kind))


def components(data: GraphData) -> Counter[Component | None]:
    return Counter(data.nodes.component(i) for i in range(len(data.nodes)))


def ordinal(data: GraphData, key: str) -> int:
    return [data.nodes.key(i) for i in range(len(data.nodes))].index(key)


def scores(document: dict[str, Any], error_types: tuple[str, ...]) -> tuple[float, float]:
    """Replacement and completeness score by their definitions, of a file alone."""
    nodes = document["nodes"]
    place = {node["node_id"]: i for i, node in enumerate(nodes)}
    shares = np.zeros((len(nodes), len(nodes)))
    for link in document["links"]:
        shares[place[link["target"]], place[link["source"]]] = abs(link["weight"])
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-10)
    weights = np.array([node.get("token_prob") or 0.0 for node in nodes])
    influence = np.linalg.solve((np.eye(len(nodes)) - shares).T, weights @ shares)
    is_error = np.array([node["feature_type"] in error_types for node in nodes])
    tokens = influence[[node["feature_type"] == "embedding" for node in nodes]].sum()
    importance = influence + weights
    explained = (1 - shares[:, is_error].sum(axis=1)) * importance
    return tokens / (tokens + influence[is_error].sum()), explained.sum() / importance.sum()


@pytest.mark.parametrize(
    ("path", "of_mlp", "of_both"), [(CHESS, (0.506, 0.968), (0.217, 0.883)), (CRM, None, (0.401, 0.803))]
)
def test_the_errors_of_attention_count_in_the_scores(path: Path, of_mlp: Any, of_both: Any) -> None:
    document, data = oracle.read_document(path), read_graph(path)
    wanted = scores(document, ("mlp reconstruction error", "lorsa error"))
    assert wanted == pytest.approx(of_both, abs=5e-4)
    if of_mlp:
        assert scores(document, ("mlp reconstruction error",)) == pytest.approx(of_mlp, abs=5e-4)
    found = compute_influence(data, topological_order(data.edges, data.nodes.depth))
    assert (found.replacement_score, found.completeness_score) == pytest.approx(wanted)


def test_nodes_of_the_chess_network(chess: GraphData) -> None:
    assert kinds(chess) == {"feature": 179, "error": 54, "token": 64, "logit": 1}
    parts = {Component.TRANSCODER: 139, Component.LORSA: 40, Component.MLP: 23, Component.ATTENTION: 31, None: 65}
    assert components(chess) == parts
    metadata = chess.metadata
    assert (metadata.n_layers, metadata.n_pos, metadata.tokens) == (30, 64, [])
    assert (metadata.source_set, metadata.lorsa_source_set) == ("lc0/BT4-1024x15x32h", "lc0/BT4-1024x15x32h/lorsa")
    assert {"feature:0/lorsa/4073@34", "feature:1/433@34", "error:0/attention@52", "error:29@34"} <= {
        chess.nodes.key(i) for i in range(len(chess.nodes))
    }
    [warning] = metadata.warnings
    assert warning == "`prompt_tokens` is one text, but nodes have 64 positions, whose tokens are unknown"


def test_nodes_of_a_complete_replacement_model(crm: GraphData) -> None:
    assert kinds(crm) == {"token": 15, "feature": 36, "error": 21, "bias": 1, "logit": 3}
    parts = {Component.TRANSCODER: 18, Component.LORSA: 19, Component.MLP: 10, Component.ATTENTION: 11, None: 18}
    assert components(crm) == parts  # the bias is one of a lorsa
    metadata = crm.metadata
    assert metadata.lorsa_source_set == "llamascope-2-lorsa-8x-k64"
    assert (metadata.model, metadata.source_set) == ("qwen3-1.7b", "llamascope-2-transcoder-8x-k64")
    assert (metadata.n_layers, metadata.n_pos, metadata.warnings) == (28, 15, [])
    bias = ordinal(crm, "bias:9_bias_lorsa_bQ_14")
    assert (crm.nodes.layer[bias], crm.nodes.position[bias]) == (9, 14)


@pytest.mark.parametrize("path", [CHESS, CRM])
def test_attention_comes_before_the_mlp_of_its_layer(path: Path) -> None:
    data = read_graph(path)
    depth = data.nodes.depth
    for block in data.edges.blocks(1000):
        assert (depth[block.source] < depth[block.target]).all()
    for i in np.flatnonzero(data.nodes.layer >= 0).tolist():
        is_attention = data.nodes.component(i) in (Component.LORSA, Component.ATTENTION)
        assert depth[i] == data.nodes.layer[i] - 0.5 * is_attention


def test_a_number_in_the_place_of_a_label_is_no_label(crm: GraphData) -> None:
    i = ordinal(crm, "feature:9/lorsa/9838@14")
    assert crm.nodes.label[i] is None
    assert json.loads(crm.nodes.extra[i] or "")["clerp"] == "F48496466"


def test_qk_pairs_keep_their_values(crm: GraphData) -> None:
    found = read_qk(crm.nodes, crm.metadata.file_extra)
    attention, n = ordinal(crm, "feature:9/lorsa/9838@14"), len(crm.nodes)
    q, k = ordinal(crm, "feature:0/lorsa/10611@5"), ordinal(crm, "feature:0/12937@5")
    bias = ordinal(crm, "bias:9_bias_lorsa_bQ_14")
    assert [tuple(pair) for pair in found.pairs] == [(attention, q, k, 0.42, 0), (attention, bias, n, -0.11, 1)]
    assert [tuple(marginal) for marginal in found.marginals] == [
        (attention, n, "query", 0.2, 0),
        (attention, k, "key", 0.33, 0),
    ]
    [only] = qk_rows(crm).only
    assert (only["key"], only["name"], only["activation"]) == ("feature:4/777@5", "feature 4/777", 1.5)


def test_entries_of_qk_pairs_that_are_not_understood_are_counted(tmp_path: Path) -> None:
    document = oracle.read_document(CRM)
    results = next(node["qk_tracing_results"] for node in document["nodes"] if "qk_tracing_results" in node)
    results["pair_wise_contributors"] += [["no_such_node", "0_cro_12937_5", 1.0], "text"]
    results["top_q_marginal_contributors"][0][1] = None
    data = read_graph(write(tmp_path, document))
    assert len(read_qk(data.nodes, data.metadata.file_extra).pairs) == 2
    [warning] = data.metadata.warnings
    assert warning.startswith("3 entries of `qk_tracing_results` name no node of the file, or have no value")


@pytest.mark.parametrize("results", [None, [], "text", 3, {"pair_wise_contributors": {"a": 1}}, {"x": []}])
def test_qk_results_of_any_form_do_not_hinder_a_reader(results: Any, tmp_path: Path) -> None:
    document = oracle.read_document(CRM)
    document["nodes"][20]["qk_tracing_results"] = results
    document["qk_only_nodes"] = results
    read_graph(write(tmp_path, document))


@pytest.mark.parametrize(
    ("source_set", "info", "details", "wanted"),
    [
        ("t", {}, {"neuronpedia_lorsa_source_set": "l"}, "l"),
        ("t", {"neuronpedia_lorsa_source_set": "l"}, {}, "l"),
        ("t", {}, {"lorsa_set": "l"}, "l"),
        ("t", {}, {"lorsa_set": "t"}, "t/lorsa"),
        ("unknown", {}, {}, "unknown/lorsa"),
    ],
)
def test_attention_features_have_a_source_set_of_their_own(
    source_set: str, info: Any, details: Any, wanted: str
) -> None:
    assert identify_lorsa(source_set, info, details) == wanted


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ('Output " Austin" (p=0.439)', " Austin"),
        ('output: "Austin" (p=0.984)', "Austin"),
        ('output: "x"', "x"),
        ("output: ' do' (p=0.310)", " do"),
        ("output: 'it's' (p=0.1)", "it's"),
        ('Logit " Sally" (p=0.810)', " Sally"),
        ('[Output "big" or "large"] Output "large" (p=0.420)', "large"),
        ('Output "logit( Austin)-logit( Dallas)" (p=1.000)', "logit( Austin)-logit( Dallas)"),
        ('Output """ (p=0.1)', '"'),
        ('Output "output "" (p=0.250)', 'output "'),
        ('Output "the output "x" (p=0.1)', 'the output "x'),
        ('Output "big" (p=0.2) Output "large" (p=0.420)', "large"),
        ('Output "↵\n\t" (p=0.200)', "↵\n\t"),
        ('Output "a" (p=0.5), as said by "b"', "a"),
        ("a capital", None),
        ("", None),
        ('Output "', None),
    ],
)
def test_the_token_of_a_logit_in_every_dialect(label: str, text: str | None) -> None:
    assert logit_text(label) == text


@given(
    text=st.text(max_size=20), form=st.sampled_from(['Output "{}" (p=0.5)', "output: '{}' (p=0.5)", 'Logit "{}" (p=1)'])
)
def test_any_token_is_found_in_its_label(text: str, form: str) -> None:
    if "utput" not in text.casefold() and "ogit" not in text.casefold() and "(p=" not in text:
        assert logit_text(form.format(text)) == text


def test_a_field_token_goes_before_the_label(tmp_path: Path, small: dict[str, Any]) -> None:
    logits = [node for node in small["nodes"] if node["feature_type"] == "logit"]
    logits[0]["token"] = " did"
    data = read_graph(write(tmp_path, small))
    assert [data.nodes.token[i] for i in np.flatnonzero(data.nodes.kind == KINDS.index(Kind.LOGIT))] == [" did", "all"]


def test_what_is_not_understood_is_counted(tmp_path: Path, small: dict[str, Any]) -> None:
    nodes = small["nodes"]
    features = [node for node in nodes if node["feature_type"] == TRANSCODER]
    logits = [node for node in nodes if node["feature_type"] == "logit"]
    for node in features[:3]:
        node["feature_type"] = "crosscoder"
    features[3]["feature_type"] = None
    old = {node["node_id"]: f"feature {i}" for i, node in enumerate(features[4:6])}
    for entry in [*nodes, *small["links"]]:
        entry |= {name: old[entry[name]] for name in ("node_id", "source", "target") if entry.get(name) in old}
    for logit in logits:
        logit["clerp"] = "capital: Austin"
    data = read_graph(write(tmp_path, small))
    assert kinds(data)["other"] == 6
    rest = "kept as `other`, which the scores count neither as tokens nor as errors; the first is nodes["
    starts = (
        f"3 nodes of unknown type 'crosscoder', {rest}",
        f"1 node without a `feature_type`, {rest}",
        f"2 nodes of type '{TRANSCODER}' with an id of unknown form, {rest}",
        "2 labels of logits in which no token was found; the first is nodes[",
    )
    assert len(data.metadata.warnings) == len(starts)
    assert all(any(line.startswith(start) for line in data.metadata.warnings) for start in starts)


def test_fields_of_another_type_are_told(tmp_path: Path, small: dict[str, Any]) -> None:
    fields = {"slug": 7, "prompt": ["a"], "scan": ["a"], "prompt_tokens": "ab", "node_threshold": "0.8"}
    small["metadata"] = {**small["metadata"], **fields, "pruning_settings": None}
    small["qParams"] = {"pinnedIds": ["nowhere"], "supernodes": {"Texas": ["E_1_0"]}}
    data = read_graph(write(tmp_path, small))
    assert set(data.metadata.warnings) == {
        "`metadata.slug` is not a text, so it was not read",
        "`metadata.prompt` is not a text, so it was not read",
        "`metadata.scan` is not a text, so it was not read",
        "`metadata.prompt_tokens` is not a list, so it was not read",
        "`metadata.node_threshold` is not a number, so it was not read",
        "pinned nodes that are not in the graph: nowhere",
        "`qParams.supernodes` is not a list, so it was not read",
    }
    assert data.metadata.file_metadata == small["metadata"]


def test_labels_that_are_no_texts_and_layers_of_other_ids_are_counted(tmp_path: Path, small: dict[str, Any]) -> None:
    places = [i for i, node in enumerate(small["nodes"]) if node["feature_type"] == TRANSCODER]
    nodes = [small["nodes"][i] for i in places]
    layers = [int(node["layer"]) for node in nodes]
    nodes[0]["clerp"] = ["a label"]
    nodes[1]["layer"], nodes[2]["layer"] = layers[1] + 1, str(layers[2] + 1)
    data = read_graph(write(tmp_path, small))
    label, layer = data.metadata.warnings
    assert label == f"1 node with a `clerp` that is not a text; the first is nodes[{places[0]}], ['a label']"
    assert layer == (
        "2 nodes with a `layer` that is not that of the `node_id`, which is taken; the first is "
        f"nodes[{places[1]}], {nodes[1]['node_id']!r}, with the layer {layers[1] + 1}"
    )
    assert data.nodes.layer[places].tolist() == layers
    write_json(data, tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))["nodes"] == small["nodes"]


def test_many_unknown_types_are_a_few_lines(tmp_path: Path, small: dict[str, Any]) -> None:
    for i, node in enumerate(small["nodes"]):
        node["feature_type"] = f"type {i}"
    warnings = read_graph(write(tmp_path, small)).metadata.warnings
    assert len(warnings) == 11
    assert warnings[-1] == "130 nodes of 130 more unknown types, kept as `other`"


def test_gzip_bytes_under_the_name_of_a_json_file() -> None:
    assert kinds(read_graph(DATA / "made-gzip-bytes-named.json"))["feature"] == 94


@pytest.mark.parametrize("packed", [False, True])
def test_a_graph_in_the_wrapper_of_a_data_set(tmp_path: Path, packed: bool) -> None:
    text = (EXAMPLES / "dallas-haiku.json").read_text(encoding="utf-8")
    wrapper = json.dumps({"id": 7, "json": text}).encode()
    path = tmp_path / "row.json"
    path.write_bytes(gzip.compress(wrapper) if packed else wrapper)
    data, wanted = read_graph(path), read_graph(EXAMPLES / "dallas-haiku.json")
    assert data.nodes.source_id == wanted.nodes.source_id
    assert data.metadata.warnings == ["the graph is the text in the field `json`; other fields are not kept: 'id'"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"json": "{"}, "graph.json: json: not JSON, or cut short"),
        ({"json": "[]"}, "this JSON is a list of 0"),
        ({"json": json.dumps({"json": "{}"})}, "this JSON has 'json'"),
        ([{"json": "{}"}], "this JSON is a list of 1"),
        ({}, "this JSON has no fields"),
        ({"nodes": [], "links": []}, "the graph has no nodes"),
        ({"cfg": {}, "nodes": {"m0": True}, "edges": {}}, "but a circuit of EAP-IG"),
        ({"directed": True, "multigraph": False, "nodes": [{"id": 1}], "links": []}, "but a graph that networkx wrote"),
        ({"elements": {"nodes": [], "edges": []}}, "but a graph that Cytoscape wrote"),
        ({"graphs": [{"slug": "a"}]}, r"but a list of graphs \(graph-metadata.json\)"),
        ({"examples_quantiles": [], "top_logits": []}, "but a page of one feature"),
        ({"modelId": "gpt2-small", "layer": "0-res-jb", "index": "1"}, "but a feature of Neuronpedia"),
        (
            {
                "metadata": {"slug": "a", "node_sep_threshold": 0.1},
                "nodes": [
                    {"node_id": "intermediate_3_1_77", "feature_type": TRANSCODER},
                    {"node_id": "error_3_1", "feature_type": "mlp reconstruction error"},
                    {"node_id": "output_3_0", "feature_type": "logit"},
                ],
                "links": [],
            },
            "but a graph of EleutherAI's attribute",
        ),
    ],
)
def test_files_of_other_projects_are_refused_by_name(document: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_graph(write(tmp_path, document))
    assert raised.value.fix


def test_a_pt_of_another_project_is_refused_with_its_keys() -> None:
    with pytest.raises(InputError, match="but the result of a pruning .* it has kept_ids, pruned_adj, node_influence"):
        read_graph(DATA / "notgraph-shap-prune.pt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("made-nan-weight", r"links\[3\]: `weight` is not a finite number: nan$"),
        (
            "made-dangling-links",
            r"links\[0\]: `target` '0_253_1' is not the `node_id` of any node \(the first of 66 such links; others are "
            r"links\[1\], links\[18\], links\[19\], \.\.\.\)$",
        ),
    ],
)
def test_one_fault_in_many_links_is_one_line(name: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        read_graph(DATA / f"{name}.json.gz")
    fault, _ = str(raised.value).splitlines()  # and what to do
    assert re.search(message, fault)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda node, link: node.update(activation="x"), r"nodes\[0\]: `activation` .*the first of 140 such nodes"),
        (lambda node, link: node.pop("node_id"), r"nodes\[0\]: has no `node_id` \(the first of 140 such nodes"),
        (lambda node, link: link.update(weight=None), r"links\[0\]: `weight` .*the first of 770 such links"),
        (lambda node, link: link.update(source="x"), r"links\[0\]: `source` 'x' .*the first of 770 such links"),
        (lambda node, link: node.update(node_id="0_1_1", ctx_idx=1), r"nodes\[1\]: two nodes are both .*the first of"),
    ],
)
def test_one_fault_in_all_lines_is_one_line(spoil: Any, message: str, tmp_path: Path, small: dict[str, Any]) -> None:
    for node in small["nodes"]:
        spoil(node, {})
    for link in small["links"]:
        spoil({"node_id": "", "clerp": ""}, link)
    with pytest.raises(InputError, match=message) as raised:
        read_graph(write(tmp_path, small))
    assert len(str(raised.value).splitlines()) == 2  # the fault, and what to do


def test_missing_members_of_many_supernodes_are_one_line(tmp_path: Path, small: dict[str, Any]) -> None:
    small["qParams"]["supernodes"] = [[f"group {i}", f"lost {i}", f"gone {i}"] for i in range(100)]
    [warning] = read_graph(write(tmp_path, small)).metadata.warnings
    assert warning == (
        "the supernode 'group 0' has members that are not in the graph: lost 0, gone 0; so have 99 more supernodes "
        "(198 members)"
    )


@pytest.mark.parametrize("path", [*READABLE, *map(example_file, NAMES)], ids=lambda path: path.name)
def test_a_file_is_written_as_it_was(path: Path, tmp_path: Path) -> None:
    """All fields, the same links in the same order; and `qParams` only where there was one."""
    content = path.read_bytes()
    document = json.loads(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)
    write_json(read_graph(path), tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == document


def test_links_keep_the_order_of_their_file(tmp_path: Path, small: dict[str, Any]) -> None:
    random.Random(7).shuffle(small["links"])
    small["links"][5]["weight"] = 0.0
    write_json(read_graph(write(tmp_path, small)), tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["links"] == small["links"]


@given(st.permutations(range(30)))
def test_any_order_of_links_comes_back(order: list[int]) -> None:
    packed, warnings = packed_order(np.array(order))
    assert warnings == []
    places = np.arange(30) if packed is None else unpacked_order(packed, 30)
    assert np.array(order)[places].tolist() == list(range(30))
    assert packed is None or unpacked_order(packed, 29).tolist() == list(range(29))  # the graph was changed


def test_supernodes_bring_qparams_into_a_file_without(tmp_path: Path, chess: GraphData) -> None:
    made = replace(chess, supernodes=(Supernode(name="pair", members=(0, 1)),))
    write_json(made, tmp_path / "again.json")
    qparams = json.loads((tmp_path / "again.json").read_text())["qParams"]
    ids = [chess.nodes.source_id[i] for i in (0, 1)]
    assert (qparams["supernodes"], qparams["pinnedIds"], qparams["linkType"]) == ([["pair", *ids]], ids, "both")


def test_a_pt_has_no_place_for_attention(crm: GraphData, torch: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a \.pt has no place for the node feature:0/lorsa/10611@5"):
        write_pt(crm, tmp_path / "graph.pt")
