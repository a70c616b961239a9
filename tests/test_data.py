"""Answers as data: tidy rows for pandas and CSV, lists in Python, whole graphs as frames."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import networkx
import pandas
import pytest
from support.examples import example_document
from support.program import Run

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import AtlasError, InvalidArgumentError
from circuit_atlas.queries.feature_results import FeatureIdentity, Occurrence, SharedFeature, SharedFeatures
from circuit_atlas.queries.influence_results import Contributors, InfluenceGroup, InfluenceGroups
from circuit_atlas.queries.neighbor_results import Neighbor, Neighbors
from circuit_atlas.queries.path_results import Path, PathCounts, Paths
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.models import Node, Record


def node(key: str, **fields: Any) -> Node:
    return Node.model_validate({"key": key, "name": key.upper(), **fields})


TOKEN, FEATURE, LOGIT = (
    node("token:0", position=0),
    node("feature:3/7@1", layer=3, position=1, index=7),
    node("logit:9@1", position=1, index=9),
)
PATHS = Paths(
    graph="g",
    score="mean",
    paths=[
        Path(score=0.5, hops=2, nodes=[TOKEN, FEATURE, LOGIT], weights=[2.0, -1.0]),
        Path(score=0.25, hops=1, nodes=[TOKEN, LOGIT], weights=[0.25]),
    ],
)
IDENTITY = FeatureIdentity(model="m", source_set="s", layer=3, index=7, explanation=None)


def test_paths_have_a_row_for_each_step() -> None:
    frame = PATHS.to_pandas()
    assert frame[["path", "step", "key"]].to_numpy().tolist() == [
        [0, 0, "token:0"],
        [0, 1, "feature:3/7@1"],
        [0, 2, "logit:9@1"],
        [1, 0, "token:0"],
        [1, 1, "logit:9@1"],
    ]
    assert [str(frame[name].dtype) for name in ("layer", "position", "weight", "score")] == [
        "Int64",
        "Int64",
        "float64",
        "float64",
    ]
    assert frame["weight"].dropna().tolist() == [2.0, -1.0, 0.25]
    assert set(frame["graph"]) == {"g"}


def test_data_can_be_read_more_than_once() -> None:
    found = PATHS.data()
    assert list(found.rows) == list(found.rows) != []
    assert found.to_pandas().equals(found.to_pandas())
    again = pickle.loads(pickle.dumps(copy.deepcopy(PATHS.data())))
    assert list(again.rows) == list(found.rows)
    first = found.with_first(graph="other", model="m")
    assert [row["model"] for row in first.rows] == [row["model"] for row in first.rows] == ["m"] * 5


def test_data_that_were_read_in_part_are_not_empty() -> None:
    """After an interrupt, what makes them cannot go on."""

    def rows() -> Iterator[dict[str, Any]]:
        yield {"n": 1}
        raise KeyboardInterrupt

    found = Tidy({"n": int}, rows())
    with pytest.raises(KeyboardInterrupt):
        found.to_pandas()
    for _ in range(2):
        with pytest.raises(AtlasError, match="read only in part"):
            found.to_pandas()


def test_paths_have_one_row_each_on_request() -> None:
    frame = PATHS.to_pandas("paths")
    assert frame["key_0"].tolist() == ["token:0", "token:0"]
    assert frame["weight_1"].tolist() == [2.0, 0.25]
    assert math.isnan(frame["weight_2"][1])
    assert frame["key_2"].tolist() == ["logit:9@1", None]


def test_an_answer_without_rows_has_its_columns() -> None:
    columns = [*PATHS.to_pandas().columns]
    empty = Paths(graph="g", score="mean", paths=[])
    assert [*empty.to_pandas().columns] == columns
    assert not empty
    assert str(empty.to_pandas()["weight"].dtype) == "float64"
    assert "influence" in Contributors(graph="g", contributors=[]).to_pandas()


def test_unknown_rows_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="rows cannot be 'path'\n  It must be one of steps, paths"):
        PATHS.to_pandas("path")


def test_counts_are_numbers_of_any_size_without_a_total() -> None:
    counts = PathCounts(graph="g", counts={"1": 10, "2": 10**22}, total=10 + 10**22).to_pandas()
    assert counts["hops"].tolist() == [1, 2]
    assert counts["paths"].tolist() == [10, 10**22]


def test_layers_as_groups_are_numbers() -> None:
    groups = [InfluenceGroup(group="10", nodes=2, influence=0.5)]
    assert InfluenceGroups(graph="g", by="layer", groups=groups).to_pandas()["layer"].tolist() == [10]
    assert InfluenceGroups(graph="g", by="kind", groups=groups).to_pandas()["kind"].tolist() == ["10"]


def test_shared_features_give_a_matrix_of_features_and_prompts() -> None:
    names = ["a", "layer"]  # a graph may be called as a column is
    shared = SharedFeature(
        feature=IDENTITY,
        influence=0.1,
        occurrences=[
            Occurrence(graph="layer", positions=[1], activation=None, influence=0.2),
            Occurrence(graph="a", positions=[1, 2], activation=5.0, influence=0.1),
        ],
    )
    found = SharedFeatures(graphs=names, without=[], total=1, features=[shared])
    matrix = found.matrix()
    assert matrix.to_numpy().tolist() == [[0.1, 0.2]]
    assert [*matrix.columns] == ["a", "graph layer"]
    assert [*matrix.index.names] == ["model", "source_set", "component", "layer", "index", "explanation"]
    assert found.matrix("activation")["a"].tolist() == [5.0]
    assert found.to_pandas("occurrences")["graph"].tolist() == ["layer", "a"]
    with pytest.raises(InvalidArgumentError):
        found.matrix("weight")


def test_an_answer_is_a_list_of_its_records() -> None:
    assert len(PATHS) == 2
    assert PATHS[0] == PATHS.paths[0]
    assert PATHS[-1] is [*PATHS][1]
    assert PATHS[:1] == PATHS.model_copy(update={"paths": PATHS.paths[:1]})
    found = Neighbors.model_validate(
        {"graph": "g", "node": FEATURE, "in": [Neighbor(node=TOKEN, weight=1.0)], "out": []}
    )
    assert [neighbor.node.key for neighbor in found] == ["token:0"]
    assert found.to_pandas()[["of", "direction", "key", "weight"]].to_numpy().tolist() == [
        ["feature:3/7@1", "in", "token:0", 1.0]
    ]


def test_an_answer_shows_its_table() -> None:
    assert repr(PATHS) == str(PATHS)
    assert repr(PATHS[0]) == "<Path 0.5: TOKEN:0 --(2)--> FEATURE:3/7@1 --(-1)--> LOGIT:9@1>"
    many = Paths(graph="g", score="mean", paths=[PATHS[1]] * 1000)
    assert repr(many).splitlines()[-1] == "... and 902 more lines, which print() shows"
    assert len(str(many).splitlines()) == 1002


def subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for direct in base.__subclasses__():
        yield from (direct, *subclasses(direct))


def test_completion_offers_what_is_ours() -> None:
    assert {"paths", "score", "to_pandas", "to_json", "table"} <= set(dir(PATHS))
    assert not [name for name in (*dir(PATHS), *dir(TOKEN)) if name.startswith("model_") or "pydantic" in name]
    assert not {"dict", "json", "copy", "schema", "construct"} & set(dir(PATHS))


@pytest.mark.parametrize("record", [*subclasses(Record)])
def test_no_field_is_called_like_a_method_that_lists_it(record: type[Record]) -> None:
    if issubclass(record, Result):
        assert not {"data", "to_pandas", "to_json"} & set(record.model_fields)


@pytest.fixture(scope="module")
def answers(atlas: Atlas, examples: dict[str, GraphHandle]) -> list[Result]:
    """An answer to every question."""
    graph, small = examples["dallas"], examples["opposite-small"]
    return [
        *(atlas.graphs(), atlas.tags(), atlas.search("texas"), atlas.verify("dallas"), atlas.recurring()),
        *(atlas.feature("25/288"), atlas.common_features("night", "winter"), atlas.compare("night", "winter", k=3)),
        *(graph.stats(), graph.node("Austin"), graph.neighbors("Austin"), graph.subgraph("Austin")),
        *(graph.paths(), graph.count(), graph.score_distribution(max_hops=2), graph.influence()),
        *(graph.influence_by("layer"), graph.influence_by_length(), graph.edge_influence(), graph.nodes()),
        *(atlas.compare("night", "winter", k=3, align="feature"), graph.influence_by("feature")),
        *(small.supernodes(), small.supernode_links(), small.node("4_95_2"), graph.suggest_supernodes(features=20)),
        *(graph.paths(avoid="Austin", targets="token:1"), atlas.cypher("RETURN 1 AS a, [1] AS b")),
    ]


LISTS = {"tags", "tokens", "warnings", "supernodes", "positions", "graphs", "without", "problems", "repaired"}


def test_all_data_is_tidy(answers: list[Result]) -> None:
    """Every column has a name of its own; every row a value for each; numbers are no texts."""
    for answer in answers:
        for kind in answer._tidy():
            columns, rows = answer.data(kind)
            assert all(columns), (answer, kind)
            found = [*rows]
            assert all(row.keys() == columns.keys() for row in found), (answer, kind)
            assert [*answer.to_pandas(kind).columns] == [*columns]
            assert "notes" not in columns, (answer, kind)
            cells = [(name, value) for row in found for name, value in row.items()]
            assert not [name for name, value in cells if isinstance(value, dict)], (answer, kind)
            own = {"b"}  # of the statement above, whose values may be anything
            assert {name for name, value in cells if isinstance(value, list)} <= LISTS | own, (answer, kind)
            for name in columns.keys() - {"text", "name", "token", "tokens", "prompt", "clerp", "group"}:
                texts = [row[name] for row in found if isinstance(row[name], str)]
                assert not any(text.replace(".", "").isdigit() for text in texts), (kind, name)
        assert len(answer) == len([*answer])
        assert repr(answer)


def test_csv_has_the_numbers_of_the_file(run: Run, examples: dict[str, GraphHandle]) -> None:
    text = run("neighbors", "dallas", "Austin", "--direction", "in", "-k", "5", "--csv").stdout
    rows = [*csv.DictReader(io.StringIO(text))]
    weights = [link["weight"] for link in example_document("dallas")["links"] if link["target"] == "27_22605_10"]
    assert [float(row["weight"]) for row in rows] == sorted(weights, key=abs, reverse=True)[:5]
    features = pandas.read_csv(io.StringIO(run("recurring", "night", "winter", "--csv", "-k", "3").stdout))
    motifs = pandas.read_csv(
        io.StringIO(run("recurring", "night", "winter", "--csv", "-k", "3", "--rows", "motifs").stdout)
    )
    assert "weight_in" not in features
    assert len(motifs["weight_in"]) == 3
    assert run("paths", "dallas", "--rows", "paths").returncode == 2
    assert "It must be one of steps, paths" in run("paths", "dallas", "--csv", "--rows", "motifs").stderr


def test_a_whole_graph_is_its_file(examples: dict[str, GraphHandle]) -> None:
    document, graph = example_document("dallas"), examples["dallas"]
    nodes, edges = graph.to_pandas()
    assert nodes["source_id"].tolist() == [raw["node_id"] for raw in document["nodes"]]
    assert nodes["activation"].dropna().tolist() == [
        raw["activation"] for raw in document["nodes"] if raw.get("activation") is not None
    ]
    links = {(link["source"], link["target"]): link["weight"] for link in document["links"]}
    ids = dict(zip(nodes["key"], nodes["source_id"], strict=True))
    ends = zip(edges["source"].map(ids), edges["target"].map(ids), edges["weight"], strict=True)
    assert {(source, target): weight for source, target, weight in ends} == links
    found = graph.to_networkx()
    assert isinstance(found, networkx.DiGraph)
    assert {(ids[a], ids[b]): weight for a, b, weight in found.edges(data="weight")} == links
    assert {key: found.nodes[key]["name"] for key in found} == dict(zip(nodes["key"], nodes["name"], strict=True))
    effects = graph.edges()
    assert len(effects) == len([*effects]) == len(links)
    assert effects[0].weight == edges["weight"][0]
    assert [effect.source for effect in effects[-2:]] == edges["source"].tolist()[-2:]
    assert f"and {len(links) - 20:,} more" in repr(effects)
    small = {found.source_id: found for found in examples["opposite-small"].nodes()}
    assert (small["4_95_2"].supernodes, small["4_95_2"].pinned) == (["opposite"], True)


def test_a_label_given_by_hand_is_exported(atlas: Atlas, new_name: Callable[[], str], tmp_path: Any) -> None:
    document = example_document("dallas")
    empty = next(node for node in document["nodes"] if node["feature_type"] == "cross layer transcoder")["node_id"]
    for raw in document["nodes"]:  # features of its own: other tests have these graphs, too
        if raw["node_id"] == "8_37691_9":
            raw["clerp"] = "the label of the file"
        if raw["node_id"] == empty:
            raw["clerp"] = ""
    document["metadata"] |= {"scan": "test-labels", "info": {}}
    (tmp_path / "in.json").write_text(json.dumps(document))
    atlas.ingest(tmp_path / "in.json", name=(name := new_name()), source_set="test-labels")
    atlas.label(name, "8_37691_9", "mine & <yours>")
    atlas.label(name, empty, "also mine")
    for suffix in (".json", ".graphml"):
        atlas.export(name, tmp_path / f"out{suffix}")
    exported = json.loads((tmp_path / "out.json").read_text())
    changed = [raw for raw in exported["nodes"] if raw not in document["nodes"]]
    assert {raw["node_id"]: raw["clerp"] for raw in changed} == {"8_37691_9": "mine & <yours>", empty: "also mine"}
    labels = networkx.read_graphml(tmp_path / "out.graphml").nodes(data="clerp")
    assert dict(labels)["feature:8/37691@9"] == "mine & <yours>"
    again = atlas.ingest(tmp_path / "out.json", name=new_name(), source_set="test-other-labels")
    assert again.node("8_37691_9").node.name == "mine & <yours>"
    for node in ("8_37691_9", empty):
        atlas.label(name, node, None)
    atlas.export(name, tmp_path / "out.json", overwrite=True)
    assert json.loads((tmp_path / "out.json").read_text())["nodes"] == document["nodes"]
