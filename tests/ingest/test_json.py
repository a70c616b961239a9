"""JSON graphs: every generation, and everything that can be wrong with one."""

from __future__ import annotations

import json
import math
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bounded import read_in_process
from support.examples import EXAMPLES, NAMES, example_document, example_file

from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.graph.qk import read_qk
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.ingest.source_sets import custom_set, identify


def node(node_id: str, feature_type: str = "cross layer transcoder", **fields: Any) -> dict[str, Any]:
    layer, _, position = node_id.split("_")
    return {
        "node_id": node_id,
        "feature_type": feature_type,
        "layer": layer,
        "ctx_idx": int(position),
        **fields,
    }


def link(source: str, target: str, weight: Any = 1.0) -> dict[str, Any]:
    return {"source": source, "target": target, "weight": weight}


@pytest.fixture
def graph() -> dict[str, Any]:
    return {
        "metadata": {"slug": "small", "scan": "gemma", "prompt": "a b", "prompt_tokens": ["a", " b"]},
        "qParams": {},
        "nodes": [
            node("0_7_1"),
            node("1_5_1"),
            node("0_0_1", "mlp reconstruction error"),
            node("E_11_0", "embedding"),
            node("E_12_1", "embedding"),
            node("3_21_1", "logit", token_prob=0.5, clerp='Output " c" (p=0.500)'),
        ],
        "links": [link("E_11_0", "0_7_1"), link("0_7_1", "1_5_1", -2.5), link("1_5_1", "3_21_1", 0.1)],
    }


def write(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "graph.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def edges(data: GraphData) -> list[tuple[str, str, float]]:
    return [
        (data.nodes.key(s), data.nodes.key(t), w)
        for block in data.edges.blocks(2)
        for t, s, w in zip(block.target, block.source, block.weight.tolist(), strict=True)
    ]


def test_a_small_graph_is_read(tmp_path: Path, graph: dict[str, Any]) -> None:
    data = read_graph(write(tmp_path, graph))
    assert [data.nodes.key(i) for i in range(6)] == [
        "feature:0/7@1",
        "feature:1/5@1",
        "error:0@1",
        "token:0",
        "token:1",
        "logit:21@1",
    ]
    assert edges(data) == [
        ("token:0", "feature:0/7@1", 1.0),
        ("feature:0/7@1", "feature:1/5@1", -2.5),
        ("feature:1/5@1", "logit:21@1", 0.1),
    ]
    assert (data.metadata.n_layers, data.metadata.n_pos) == (2, 2)
    assert (data.metadata.model, data.metadata.source_set) == ("gemma-2-2b", "gemmascope-transcoder-16k")
    assert data.nodes.token[3:] == ["a", " b", " c"]
    assert data.nodes.probability[5] == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_real_graphs_are_read_whole(name: str) -> None:
    """Every field of every node and link is found again in the columns or in `extra`."""
    document = example_document(name)
    data = read_graph(example_file(name))
    assert len(data.nodes) == len(document["nodes"])
    assert [rebuilt(data, i) for i in range(len(data.nodes))] == document["nodes"]
    ids = data.nodes.source_id
    links = [
        {"source": ids[s], "target": ids[t], "weight": w}
        for block in data.edges.blocks(1000)
        for t, s, w in zip(block.target, block.source, block.weight.tolist(), strict=True)
    ]
    key = itemgetter("target", "source")
    assert sorted(links, key=key) == sorted(document["links"], key=key)
    assert data.metadata.file_metadata == document["metadata"]
    assert data.metadata.file_qparams == document["qParams"]


def rebuilt(data: GraphData, i: int) -> dict[str, Any]:
    nodes = data.nodes
    columns = {
        "node_id": nodes.source_id[i],
        "jsNodeId": nodes.js_node_id[i],
        "feature_type": nodes.feature_type[i],
        "clerp": nodes.label[i],
        "ctx_idx": int(nodes.position[i]),
        "influence": nodes.cumulative_influence[i],
        "activation": nodes.activation[i],
        "token_prob": nodes.probability[i],
    }
    known = {k: v for k, v in columns.items() if v is not None and not (isinstance(v, float) and math.isnan(v))}
    return {**known, **json.loads(nodes.extra[i] or "{}")}


def test_supernodes_and_pinned_nodes_of_real_graphs() -> None:
    opposite, haiku = (read_graph(example_file(name)) for name in ("opposite-small", "dallas-haiku"))
    assert [s.name for s in opposite.supernodes][:2] == ['Output "big" or "large"', "say big / huge / large"]
    assert [len(s.members) for s in opposite.supernodes] == [2, 2, 3, 3, 3]
    assert int(opposite.nodes.pinned.sum()) == 17
    assert [(s.name, len(s.members)) for s in haiku.supernodes] == [
        ("capital", 9),
        ("state", 5),
        ("say a capital", 6),
        ("Dallas", 10),
        ("say Austin", 6),
        ("Texas-related", 12),
    ]


def test_the_same_features_in_files_of_two_generations() -> None:
    dallas, night = (read_graph(example_file(name)).metadata for name in ("dallas", "night"))
    assert (dallas.model, dallas.source_set) == (night.model, night.source_set) == ("gemma-2-2b", "clt-hp")


def test_lists_may_be_given_as_text(tmp_path: Path, graph: dict[str, Any]) -> None:
    graph["qParams"] = {"supernodes": '[["pair", "0_7_1", "1_5_1"]]', "pinnedIds": "0_7_1, 3_21_1"}
    data = read_graph(write(tmp_path, graph))
    assert data.supernodes[0].members == (0, 1)
    assert np.flatnonzero(data.nodes.pinned).tolist() == [0, 5]


def test_errors_of_newer_files_have_the_same_keys(tmp_path: Path, graph: dict[str, Any]) -> None:
    graph["nodes"][2] = node("0_-1_1", "mlp reconstruction error")
    assert read_graph(write(tmp_path, graph)).nodes.key(2) == "error:0@1"


def with_colliding_ids(*links: dict[str, Any]) -> dict[str, Any]:
    """`0_2_1` is feature 2 of layer 0 and the error of layer 2."""
    nodes = [
        node("0_2_1"),
        node("1_8_1"),
        node("1_9_1"),
        node("0_2_1", "mlp reconstruction error") | {"layer": "2"},
        node("E_5_1", "embedding"),
        node("4_3_1", "logit"),
    ]
    return {"metadata": {}, "nodes": nodes, "links": list(links)}


def test_colliding_ids_are_resolved_by_the_order_of_links(tmp_path: Path) -> None:
    """Both act on the same logit."""
    document = with_colliding_ids(
        link("E_5_1", "0_2_1", 1.0),
        link("0_2_1", "4_3_1", 2.0),
        link("1_9_1", "4_3_1", 3.0),
        link("0_2_1", "4_3_1", 4.0),
    )
    data = read_graph(write(tmp_path, document))
    assert edges(data) == [
        ("token:1", "feature:0/2@1", 1.0),
        ("feature:0/2@1", "logit:3@1", 2.0),
        ("feature:1/9@1", "logit:3@1", 3.0),
        ("error:2@1", "logit:3@1", 4.0),
    ]
    assert data.metadata.warnings == []


def test_colliding_ids_of_links_in_another_order_are_counted(tmp_path: Path) -> None:
    """Sorted by weight, links do not show which node is meant."""
    assert read_graph(write(tmp_path, with_colliding_ids())).metadata.warnings == []
    document = with_colliding_ids(link("1_9_1", "4_3_1", 3.0), link("1_8_1", "4_3_1", 2.0), link("0_2_1", "4_3_1", 1.0))
    assert "1 link comes from an id that two nodes have" in read_graph(write(tmp_path, document)).metadata.warnings[0]


def test_transcoders_that_are_listed_have_a_name_of_their_own(tmp_path: Path, graph: dict[str, Any]) -> None:
    """circuit-tracer's `scan` is another one in each file."""
    names = set()
    for scan in ("custom-123", "custom-456"):
        graph["metadata"] |= {"scan": scan, "transcoder_list": ["repo/a", "repo/b"]}
        names.add(
            (read_graph(write(tmp_path, graph)).metadata.model, read_graph(write(tmp_path, graph)).metadata.source_set)
        )
    assert names == {("unknown", custom_set(["repo/a", "repo/b"]))}
    graph["metadata"]["info"] = {"model": "gemma", "source_set": "mine"}
    named = read_graph(write(tmp_path, graph)).metadata
    assert (named.model, named.source_set) == ("gemma", "mine")


@pytest.mark.parametrize(
    ("node_id", "layer", "key", "is_odd"),
    [
        ("0_7_1", "5", "error:7@1", True),
        ("3_4_1", "5", "error:3/4@1", True),
        ("0_0_1", "36", "error:0@1", True),
        ("0_7_1", "7", "error:7@1", False),
        ("0_7_1", "0", "error:0/7@1", False),
        ("3_4_1", "3", "error:3/4@1", False),
        ("0_21712686_1", "0", "error:0/21712686@1", False),
        ("5_-1_1", "6", "error:5@1", True),
    ],
)
def test_the_layer_of_an_error_is_that_of_its_id(
    node_id: str, layer: str, key: str, is_odd: bool, tmp_path: Path, graph: dict[str, Any]
) -> None:
    graph["nodes"] = [*graph["nodes"][3:], node(node_id, "mlp reconstruction error") | {"layer": layer}]
    graph["links"] = []
    data = read_graph(write(tmp_path, graph))
    assert data.nodes.key(len(data.nodes) - 1) == key
    assert any("a `layer` that is not that of the `node_id`" in warning for warning in data.metadata.warnings) == is_odd


@pytest.mark.parametrize(("ctx_idx", "position"), [(0, 0), (-1, 1), (4.0, 1), (True, 1), ("1", 1)])
def test_positions_that_contradict_the_ids_are_counted(
    ctx_idx: Any, position: int, tmp_path: Path, graph: dict[str, Any]
) -> None:
    graph["nodes"][0]["ctx_idx"] = ctx_idx
    data = read_graph(write(tmp_path, graph))
    assert data.nodes.key(0) == f"feature:0/7@{position}"
    warned = [warning for warning in data.metadata.warnings if "`ctx_idx`" in warning]
    assert len(warned) == (ctx_idx != "1")


def test_an_id_of_many_nodes_is_refused(tmp_path: Path) -> None:
    """The work for each link would grow with their number."""
    tokens = [node("E_1_0", "embedding") | {"ctx_idx": position} for position in range(9)]
    document: dict[str, Any] = {
        "metadata": {},
        "nodes": [*tokens, node("4_3_1", "logit")],
        "links": [link("E_1_0", "4_3_1")],
    }
    with pytest.raises(InputError, match=r"nodes\[0\]: more than 8 nodes have the `node_id` 'E_1_0' \(the first of 9"):
        read_graph(write(tmp_path, document))
    del document["nodes"][0]
    assert read_graph(write(tmp_path, document)).metadata.warnings


def test_unknown_types_and_fields_are_kept(tmp_path: Path, graph: dict[str, Any], atlas: Any, new_name: Any) -> None:
    graph["nodes"].append({"node_id": "crosscoder_1", "feature_type": "crosscoder", "layer": 1, "head": {"q": 3}})
    graph["links"].append(link("crosscoder_1", "3_21_1"))
    graph["links"][1]["q"] = {"head": 2}
    graph["run"] = {"id": 7}
    data = read_graph(write(tmp_path, graph))
    assert data.nodes.key(6) == "other:crosscoder_1"
    assert json.loads(data.nodes.extra[6] or "{}") == {"layer": 1, "head": {"q": 3}}
    assert data.metadata.file_extra == {"run": {"id": 7}}
    assert data.edge_extras == ((1, 0, '{"q": {"head": 2}}'),)
    load_graph(atlas, data, name=(name := new_name()))
    stored = atlas.cypher("MATCH (:Node {graph: $graph})-[r]->() RETURN collect(r.extra) AS e", {"graph": name})
    assert stored.rows == [{"e": ['{"q": {"head": 2}}']}]


def test_links_without_effect_are_counted_not_stored(tmp_path: Path, graph: dict[str, Any]) -> None:
    graph["links"] += [link("0_7_1", "0_7_1", 0), link("E_12_1", "1_5_1", 0.0)]
    data = read_graph(write(tmp_path, graph))
    assert (len(data.edges), data.zero_links) == (3, 2)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda g: g["links"].append(link("9_9_9", "0_7_1")),
            r"links\[3\]: `source` '9_9_9' is not the `node_id`",
        ),
        (lambda g: g["links"].append(link("0_7_1", "9_9_9")), r"links\[3\]: `target` '9_9_9'"),
        (
            lambda g: g["links"].append({"source": "0_7_1"}),
            r"links\[3\]: `weight` is not a finite number: None",
        ),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", float("nan"))), r"links\[3\]: `weight` .* nan"),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", float("inf"))), r"links\[3\]: `weight` .* inf"),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", "1.0")), r"links\[3\]: `weight` .* '1.0'"),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", True)), r"links\[3\]: `weight` .* True"),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", 10**400)), r"links\[3\]: `weight`"),
        (lambda g: g["links"].append(link("0_7_1", "3_21_1", 1e301)), r"links\[3\]: `weight` is 1e\+301; .* 1e\+300"),
        (lambda g: g["links"].append(g["links"][0]), r"two links from token:0 to feature:0/7@1"),
        (lambda g: g["links"].append([]), r"links\[3\]: not an object"),
        (lambda g: g["nodes"].append({"layer": "0"}), r"nodes\[6\]: has no `node_id`"),
        (lambda g: g["nodes"].append(node("0_7_1")), r"nodes\[6\]: two nodes are both feature:0/7@1"),
        (
            lambda g: g["nodes"][0].update(activation=float("nan")),
            r"nodes\[0\]: `activation` is not a finite",
        ),
        (lambda g: g.update(nodes={}), r"`nodes` is not a list"),
        (lambda g: g["nodes"].insert(0, 1), r"nodes\[0\]"),
        (lambda g: g["nodes"].insert(0, None), r"nodes\[0\]"),
        (lambda g: g["nodes"].append(node("0_9_999999999", ctx_idx=999_999_999)), "the position 999,999,999"),
        (lambda g: g.update(metadata=[1]), r"`metadata` is not an object"),
        (
            lambda g: g.pop("links"),
            r"not an attribution graph: .*this JSON has 'metadata', 'qParams', 'nodes'",
        ),
    ],
)
def test_the_error_of_a_wrong_json_says_what_is_wrong_and_where(
    spoil: Any, message: str, tmp_path: Path, graph: dict[str, Any]
) -> None:
    spoil(graph)
    path = write(tmp_path, graph)
    with pytest.raises(InputError, match=message) as raised:
        read_graph(path)
    assert str(path) in str(raised.value)
    assert raised.value.fix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON, or cut short: .* at line 1, column 1"),
        ("{", "not JSON, or cut short"),
        ('{"json": "{}"}\n{"json": "{}"}\n', "more than one JSON document: the second begins at line 2"),
        ("[1, 2]", "not an attribution graph"),
        ('{"openapi": "3.0", "paths": {}}', "not an attribution graph: .*this JSON has 'openapi', 'paths'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"metadata": {}, "nodes": [], "links": [1], "links": []}', "an object has the field 'links' 2 times"),
        ('{"nodes": [{"layer": 1, "layer": 2}], "links": []}', "an object has the field 'layer' 2 times"),
    ],
)
def test_json_that_is_no_graph_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_graph(write(tmp_path, text))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


HALF = "\ud83d"  # the first half of an emoji


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda g: g["metadata"].update(prompt=f"a {HALF}"), r"metadata\.prompt: half a character"),
        (lambda g: g["metadata"]["prompt_tokens"].append(HALF), r"metadata\.prompt_tokens\[2\]: half a character"),
        (lambda g: g["metadata"].update(slug=HALF), r"metadata\.slug: half a character"),
        (lambda g: g["metadata"].update({HALF: 1}), r"metadata: half a character"),
        (lambda g: g["nodes"][1].update(clerp=HALF), r"nodes\[1\]\.clerp: half a character"),
        (lambda g: g["nodes"][1].update(node_id=HALF), r"nodes\[1\]\.node_id: half a character"),
        (lambda g: g["nodes"][1].update(x={"y": [HALF]}), r"nodes\[1\]\.x\.y\[0\]: half a character"),
        (lambda g: g["links"][2].update(x=HALF), r"links\[2\]\.x: half a character"),
        (lambda g: g["links"][2].update(source=HALF), r"links\[2\]: `source` .* is not the `node_id`"),
        (lambda g: g["qParams"].update(supernodes=[[HALF]]), r"qParams\.supernodes\[0\]\[0\]: half a character"),
        (lambda g: g["qParams"].update(supernodes='[["\\ud83d"]]'), r"qParams\.supernodes\[0\]: half a character"),
        (lambda g: g.update(run=HALF), r"run: half a character"),
        (lambda g: g["metadata"].update(x=nested(600)), r"metadata: .* nested more than 100 deep"),
        (lambda g: g["nodes"][0].update(x=nested(600)), r"nodes: .* nested more than 100 deep"),
        (lambda g: g["links"][0].update(x=nested(200)), r"links: .* nested more than 100 deep"),
        (lambda g: g["nodes"].append({"node_id": "x" * 999_999}), r"nodes\[6\]\.node_id: has 999,999 characters"),
        (lambda g: g["nodes"].append({"node_id": "x" * 2_000_000}), r"nodes\[6\]\.node_id: a text of 2,000,000"),
        (lambda g: g["metadata"].update(scan="x" * 501), r"scan: has 501 characters"),
        (lambda g: g["metadata"].update(slug="x" * 501), r"slug: has 501 characters"),
        (lambda g: g["qParams"].update(supernodes=[["x" * 1001]]), r"qParams\.supernodes\[0\]: has 1,001 characters"),
        (
            lambda g: g["qParams"].update(supernodes=[[f"s{i}"] for i in range(10_001)]),
            r"qParams\.supernodes: more than 10,000 supernodes",
        ),
        (lambda g: g["qParams"].update(supernodes={}, pinnedIds=nested(98)), None),
        (lambda g: g["qParams"].update(supernodes="[" * 900 + "]" * 900), None),
    ],
)
def test_what_is_taken_can_be_stored_and_written_again(
    spoil: Any, message: str | None, tmp_path: Path, graph: dict[str, Any], atlas: Any, new_name: Any
) -> None:
    spoil(graph)
    path = write(tmp_path, graph)
    if message:
        with pytest.raises(InputError, match=message) as raised:
            read_graph(path)
        assert str(raised.value).startswith(str(path))
        assert raised.value.fix
        return
    atlas.ingest(path, name=(name := new_name()))
    atlas.export(name, tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["qParams"] == graph["qParams"]


@pytest.mark.parametrize("value", [10**400, float("nan"), float("inf"), True, "1"])
def test_values_of_qk_pairs_that_are_no_numbers_are_counted(value: Any, tmp_path: Path, graph: dict[str, Any]) -> None:
    found = {"pair_wise_contributors": [[graph["nodes"][1]["node_id"], graph["nodes"][2]["node_id"], value]]}
    graph["nodes"][0]["qk_tracing_results"] = found
    graph["nodes"][1]["remark"] = "qk_tracing_results"  # no such field
    data = read_graph(write(tmp_path, graph))
    assert any("name no node of the file, or have no value" in warning for warning in data.metadata.warnings)


def test_qk_pairs_that_are_there_twice_are_stored_once(tmp_path: Path, graph: dict[str, Any]) -> None:
    """Each is looked up among those between the same two nodes, so that 100,000 of them would take hours."""
    one, other = (graph["nodes"][i]["node_id"] for i in (1, 2))
    graph["nodes"][0]["qk_tracing_results"] = {
        "pair_wise_contributors": [[one, other, 0.1], [other, one, 0.2], [one, other, 0.3]],
        "top_q_marginal_contributors": [[one, 0.1], [other, 0.2], [one, 0.3]],
        "top_k_marginal_contributors": [[one, 0.1]],
    }
    data = read_graph(write(tmp_path, graph))
    found = read_qk(data.nodes, data.metadata.file_extra)
    assert [pair.value for pair in found.pairs] == [0.1, 0.2]
    assert [(one.side, one.value) for one in found.marginals] == [("query", 0.1), ("query", 0.2), ("key", 0.1)]
    assert any("2 entries" in warning and "there twice" in warning for warning in data.metadata.warnings)


@pytest.mark.parametrize("place", ["metadata", "node", "link"])
def test_values_nested_as_deeply_as_is_allowed(
    place: str, tmp_path: Path, graph: dict[str, Any], atlas: Any, new_name: Any
) -> None:
    values = {"metadata": graph["metadata"], "node": graph["nodes"][0], "link": graph["links"][0]}
    values[place]["x"] = nested(96)
    path, again = write(tmp_path, graph), tmp_path / "again.json"
    atlas.ingest(path, name=(name := new_name()))
    atlas.export(name, again)
    written = json.loads(again.read_text())
    values = {"metadata": written["metadata"], "node": written["nodes"][0], "link": written["links"][0]}
    assert values[place]["x"] == nested(96)
    assert not atlas.verify(name, path).damaged


def test_halves_of_characters_in_the_bytes_of_a_file(tmp_path: Path, graph: dict[str, Any]) -> None:
    graph["metadata"]["prompt"] = HALF
    path = tmp_path / "graph.json"
    path.write_bytes(json.dumps(graph, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match="not JSON"):
        read_graph(path)


@pytest.mark.slow
def test_a_million_supernodes_are_refused_before_they_fill_the_memory(tmp_path: Path, graph: dict[str, Any]) -> None:
    graph["qParams"]["supernodes"] = [[f"supernode {i}"] for i in range(1_000_000)]
    path = write(tmp_path, graph)
    done = read_in_process(path, memory=700 << 20)
    assert "more than 10,000 supernodes" in done.stderr


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not JSON"):
        read_graph(tmp_path / "graph.json")


def test_a_json_cut_short_is_refused(tmp_path: Path) -> None:
    text = (EXAMPLES / "dallas.json").read_text(encoding="utf-8")
    for length in range(0, len(text), len(text) // 20):
        with pytest.raises(InputError, match="not JSON"):
            read_graph(write(tmp_path, text[:length]))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_graph(tmp_path / "none.json")
    with pytest.raises(InputError, match="is a folder"):
        read_graph(tmp_path)


def test_thresholds_for_json_are_refused(tmp_path: Path, graph: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="already pruned"):
        read_graph(write(tmp_path, graph), node_threshold=0.5)


@pytest.mark.parametrize("option", ["model", "source_set", "tokenizer"])
def test_empty_options_are_refused(option: str, tmp_path: Path, graph: dict[str, Any]) -> None:
    options: Any = {option: " "}
    with pytest.raises(InvalidArgumentError, match=f"{option} is an empty text"):
        read_graph(write(tmp_path, graph), **options)


def test_a_tokenizer_for_json_is_refused(tmp_path: Path, graph: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="has the texts of its tokens"):
        read_graph(write(tmp_path, graph), tokenizer="gpt2")


@pytest.mark.parametrize(
    ("scan", "info", "expected"),
    [
        ("gemma", {}, ("gemma-2-2b", "gemmascope-transcoder-16k")),
        ("mntss/clt-gemma-2-2b-2.5M", {}, ("gemma-2-2b", "clt-hp")),
        ("gemma-2-2b", {"transcoder_set": "mntss/clt-gemma-2-2b-2.5M"}, ("gemma-2-2b", "clt-hp")),
        ("qwen3-4b", {"neuronpedia_source_set": "transcoder-hp"}, ("qwen3-4b", "transcoder-hp")),
        ("any/set", {}, ("any/set", "any/set")),
        (None, {}, ("unknown", "unknown")),
        ("gemma", {"source_urls": ["https://neuronpedia.org/qwen3-4b/transcoder-hp"]}, ("qwen3-4b", "transcoder-hp")),
        ("gemma", {"source_urls": ["https://neuronpedia.org/m/0-a-set/12", "x"]}, ("m", "a-set")),
        ("gemma", {"source_urls": ["https://neuronpedia.org/m/4-sets"]}, ("m", "4-sets")),
        (
            "gemma",
            {"source_urls": ["https://neuronpedia.org/m/graph?slug=x"]},
            ("gemma-2-2b", "gemmascope-transcoder-16k"),
        ),
        ("llama", {"transcoder_set": "me/my-own"}, ("llama-3.2-1b", "me/my-own")),
        ("gemma", {"neuronpedia_source_set": "clt-hp"}, ("gemma-2-2b", "clt-hp")),
        ("mwhanna/gemma-scope-transcoders@main", {}, ("gemma-2-2b", "gemmascope-transcoder-16k")),
        ("mwhanna/gemma-scope-transcoders@other", {}, ("mwhanna/gemma-scope-transcoders@other",) * 2),
        (
            "mwhanna/gemma-scope-2-4b-it//transcoder_all/width_262k_l0_small_affine",
            {},
            ("gemma-3-4b-it", "gemmascope-transcoder-262k"),
        ),
    ],
)
def test_model_and_source_set_are_found_in_the_metadata(
    scan: str | None, info: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert identify(scan, info) == expected
    assert identify(scan, info, model="m", source_set="s") == ("m", "s")
