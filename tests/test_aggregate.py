"""Aggregates: every statistic equals brute force over the files, and every question can be asked of them."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from io import BytesIO
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import example_file
from support.graphs import make_graph, status_of
from support.many_files import ManyFiles
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle, aggregates
from circuit_atlas.aggregates import How, aggregated_data
from circuit_atlas.errors import (
    GraphChangedError,
    GraphExistsError,
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
    NodeNotFoundError,
    NotFoundError,
)
from circuit_atlas.graph import aggregate
from circuit_atlas.graph.aggregate import Aggregation
from circuit_atlas.graph.data import GraphData
from circuit_atlas.graph.intervals import mean_over
from circuit_atlas.graph.many_graphs import Effects
from circuit_atlas.graph.packed_sums import pack_effects, unpack_effects
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.queries.aggregates import read_sums
from circuit_atlas.queries.neighbor_results import AggregatedNeighbor
from circuit_atlas.queries.path_results import AggregatedPath
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.schema.limits import AGGREGATED_WEIGHTS, ALIGNMENTS

SOURCES = ("dallas", "night", "puppy", "winter")  # one prompt of 11 tokens, and three of 13
SHIPPED = (*SOURCES, "foot", "taste")
MAP = "aggregated-map"
Effect = tuple[int, int, float]  # target, source, weight


@pytest.fixture(scope="module")
def one(atlas: Atlas, examples: dict[str, GraphHandle]) -> Iterator[GraphHandle]:
    """The aggregate that most tests ask about."""
    yield atlas.aggregate(*SOURCES, name=MAP)
    atlas.delete(MAP)


@st.composite
def many_graphs(draw: st.DrawFn, smallest: float = 0.0) -> list[list[Effect]]:
    """The effects of a few graphs between five nodes, some of them parallel."""
    number = st.integers(0, 4)
    weight = st.floats(-1e6, 1e6, width=32).filter(lambda value: abs(value) > smallest)
    return draw(st.lists(st.lists(st.tuples(number, number, weight), max_size=8), min_size=1, max_size=8))


def _packed(save: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    file = BytesIO()
    save(file, *arrays, **named)
    return zlib.compress(file.getvalue())


def _of(graph: list[Effect]) -> Effects:
    target, source, weight = ([effect[i] for effect in graph] for i in range(3))
    return Effects.of_graph(np.array(target, np.int64), np.array(source, np.int64), np.array(weight, np.float64))


@given(many_graphs(), st.integers(1, 8))
def test_statistics_of_effects_do_not_depend_on_how_graphs_are_merged(graphs: list[list[Effect]], size: int) -> None:
    parts = [_of(graph) for graph in graphs]
    merged = Effects.merged([Effects.merged(parts[at : at + size]) for at in range(0, len(parts), size)])
    weight, statistics = merged.statistics(len(graphs))
    wanted: dict[tuple[int, int], list[float]] = {}
    for graph in graphs:
        own: dict[tuple[int, int], float] = {}
        for target, source, value in graph:
            own[target, source] = own.get((target, source), 0.0) + value
        for ends, value in own.items():
            if value:
                wanted.setdefault(ends, []).append(value)
    assert [(int(pair) >> 32, int(pair) & 0xFFFFFFFF) for pair in merged.pair] == sorted(wanted)
    for i, (_, values) in enumerate(sorted(wanted.items())):
        size_of = max(map(abs, values)) + 1e-300
        every = [*values, *[0.0] * (len(graphs) - len(values))]
        signs = [sum(value > 0 for value in values), sum(value < 0 for value in values)]
        assert weight[i] == pytest.approx(fmean(every), abs=1e-9 * size_of)
        assert statistics.weight_present[i] == pytest.approx(fmean(values), abs=1e-9 * size_of)
        assert statistics.weight_sd[i] == pytest.approx(pstdev(every), abs=1e-6 * size_of)
        assert statistics.graphs[i] == len(values)
        assert statistics.sign_agreement[i] == max(signs) / len(values)


@given(many_graphs(smallest=1e-9), many_graphs(smallest=1e-9))
def test_what_is_taken_out_leaves_nothing_behind(graphs: list[list[Effect]], others: list[list[Effect]]) -> None:
    """Unless weights differ by a factor of more than 2^80: sums have 106 bits, a weight has 24."""
    kept, gone = [_of(graph) for graph in graphs], [_of(graph) for graph in others]
    wanted = Effects.merged(kept)
    found = Effects.merged([Effects.merged([*gone, *kept]), *(part.taken_out() for part in gone)])
    for name in ("pair", "graphs", "positive"):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist()
    for i in range(2):
        assert found.total[i].tolist() == wanted.total[i].tolist()
    largest = max((abs(weight) for graph in [*graphs, *others] for *_, weight in graph), default=0) * 8
    assert found.squares.high == pytest.approx(wanted.squares.high, rel=1e-15, abs=largest**2 * 2**-96)


@given(many_graphs(), st.lists(st.integers(0, 7)), st.integers(5, 1 << 20))
def test_sums_come_back_from_few_bytes(graphs: list[list[Effect]], gone: list[int], n: int) -> None:
    """Of effects in one graph, in several, and of some that were taken out; between few nodes, and between many."""
    parts = [_of([(target * (n // 5), source, weight) for target, source, weight in graph]) for graph in graphs]
    taken = [parts[i].taken_out() for i in set(gone) if i < len(parts)]
    effects = Effects.merged([Effects.merged(parts), *taken])
    found = unpack_effects(pack_effects(effects, n), n)
    for name in ("pair", "graphs", "positive"):
        column = getattr(found, name)
        assert column.dtype == getattr(effects, name).dtype
        assert column.tolist() == getattr(effects, name).tolist()
    assert np.array([*found.total, *found.squares]).tolist() == np.array([*effects.total, *effects.squares]).tolist()
    for size in (1, 2):  # numpy would repeat a single weight
        damaged = pack_effects(effects, n) | {"weights": np.zeros((8, len(effects.pair) + size), np.uint8)}
        with pytest.raises(ValueError, match="without weights"):
            unpack_effects(damaged, n)


def test_a_graph_alone_has_no_spread_even_where_weights_are_large() -> None:
    parts = [Effects.of_graph(np.array([1]), np.array([0]), np.array([1e8 + i])) for i in range(3)]
    _, statistics = Effects.merged(parts).statistics(3)
    assert statistics.weight_sd[0] == pytest.approx(pstdev([0, 1, 2]), rel=1e-6)


@pytest.mark.parametrize(
    ("align", "weight", "min_graphs"),
    [
        ("feature", "mean", 1),
        ("relative", "mean", 1),
        ("exact", "mean", 2),
        ("feature", "normalised", 1),
        ("feature", "mean", 3),
    ],
)
def test_every_statistic_equals_brute_force_over_the_files(
    align: str, weight: str, min_graphs: int, atlas: Atlas, examples: Any, new_name: Callable[[], str]
) -> None:
    graph = atlas.aggregate(*SOURCES, name=new_name(), align=align, weight=weight, min_graphs=min_graphs)
    how = How(align, weight, min_graphs)
    rare = _check_equals_files(read_graph_data(graph, relationships=True), SOURCES, how)
    note = f"found in fewer than {min_graphs} graphs, left out: {rare[0]:,} nodes, {rare[1]:,} effects"
    assert (note in graph.ingested.warnings) == (min_graphs > 1)


@settings(max_examples=15, deadline=None)
@given(
    graphs=st.sets(st.sampled_from(SHIPPED), min_size=1),
    align=st.sampled_from(ALIGNMENTS),
    weight=st.sampled_from(AGGREGATED_WEIGHTS),
    data=st.data(),
)
def test_every_statistic_of_any_set_equals_brute_force_over_the_files(
    graphs: set[str], align: str, weight: str, data: st.DataObject, atlas: Atlas, examples: Any
) -> None:
    how = How(align, weight, data.draw(st.integers(1, len(graphs)), label="min_graphs"))
    names = sorted(graphs)
    _check_equals_files(aggregated_data(atlas, names, [], "any", how, refresh=False), names, how)


def _check_equals_files(data: GraphData, sources: Sequence[str], how: How) -> tuple[int, int]:
    """Check that an aggregate is what its files add up to; returns how many nodes and effects are too rare for it."""
    files = ManyFiles([example_file(source) for source in sources], how.align, normalised=how.weight == "normalised")
    nodes, edges, statistics = data.nodes, data.edges, data.statistics
    assert statistics is not None
    keys = [nodes.key(i) for i in range(len(nodes))]
    columns = [*statistics.nodes, nodes.activation, nodes.probability]
    assert sorted(keys) == sorted(key for key, facts in files.nodes.items() if facts.graphs >= how.min_graphs)
    wanted_nodes = np.array([files.nodes[key] for key in keys], np.float64)
    assert np.stack(columns, axis=1) == pytest.approx(wanted_nodes, rel=1e-5, abs=1e-9, nan_ok=True)
    [block] = edges.blocks(len(edges))
    ends = [(keys[source], keys[target]) for target, source in zip(block.target, block.source, strict=True)]
    kept = {ends: facts for ends, facts in files.effects.items() if facts.graphs >= how.min_graphs}
    zero = {ends for ends, facts in kept.items() if abs(facts.weight) < 1e-15}
    assert set(ends) - zero == kept.keys() - zero
    wanted = np.array([files.effects[pair] for pair in ends])
    assert np.stack([block.weight, *statistics.edges], axis=1) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    return len(files.nodes) - len(keys), len(files.effects) - len(kept)


def test_neo4j_has_the_statistics_and_verify_checks_them(atlas: Atlas, one: GraphHandle) -> None:
    [row] = atlas.cypher(
        "MATCH (n:Node {graph: $graph})-[r]->({graph: $graph, key: 'logit:target'}) WHERE r.graphs = $graphs "
        "RETURN n.graphs, n.mean_influence > 0, r.weight = r.weight_present, r.weight_sd > 0, r.sign_agreement LIMIT 1",
        {"graph": MAP, "graphs": len(SOURCES)},
    ).rows
    assert list(row.values())[:4] == [len(SOURCES), True, True, True]
    assert not atlas.verify(MAP).damaged
    change = "MATCH (:Node {graph: $graph, key: 'logit:target'})<-[r]-() WITH r LIMIT 1 SET r.weight_sd = -r.weight_sd"
    atlas.cypher(change, {"graph": MAP}, write=True)
    [found] = atlas.verify(MAP).graphs
    assert found.problems == ["its content differs from what was ingested (other content hash)"]
    atlas.cypher(change, {"graph": MAP}, write=True)


def test_the_same_graphs_make_the_same_and_another_graph_is_replaced_only_if_asked(
    atlas: Atlas, one: GraphHandle
) -> None:
    assert status_of(atlas.aggregate(*reversed(SOURCES), name=MAP)) == "unchanged"
    with pytest.raises(GraphExistsError):
        atlas.aggregate("night", "winter", name=MAP)


def test_effects_come_with_the_number_of_their_graphs(atlas: Atlas, one: GraphHandle, examples: Any) -> None:
    """And with their statistics, in neighbours and paths of an aggregate; other graphs have none."""
    statement = """
        MATCH (source:Node {graph: $graph})-[r:DIRECT_EFFECT]->(target) WHERE source.ordinal >= 0
        RETURN source.key AS source, target.key AS target,
          r {.weight, .graphs, .weight_present, .weight_sd, .sign_agreement} AS r
        """
    stored = {(row["source"], row["target"]): row["r"] for row in atlas.cypher(statement, {"graph": MAP}).rows}
    found = one.neighbors("logit:target", direction="in", k=50)
    assert len(found.incoming) == 50
    for near in found.incoming:
        assert isinstance(near, AggregatedNeighbor)
        effect = stored[near.node.key, "logit:target"]
        _, low, high = mean_over(len(SOURCES), effect["weight"], effect["weight_sd"])
        assert near.model_dump(exclude={"node"}) == effect | {"weight_low": low, "weight_high": high}
    header, [first, *_] = found.table()
    assert header == ["", "weight [95%]", "graphs", "sign agreement", "weight sd", "key", "name"]
    best = found.incoming[0]
    assert isinstance(best, AggregatedNeighbor)
    assert first[1] == f"{best.weight:.4g} [{best.weight_low:.4g}, {best.weight_high:.4g}]"
    present = [stored[near.node.key, "logit:target"]["weight_present"] for near in found.incoming]
    assert found.to_pandas()["weight_present"].tolist() == present
    assert [near["weight_present"] for near in json.loads(found.to_json())["in"]] == present
    assert [type(near) for near in type(found).model_validate_json(found.to_json())] == [AggregatedNeighbor] * 50
    for paths in (
        one.paths(k=7),
        one.paths(k=7, score="product"),
        one.score([found.incoming[0].node.key, "logit:target"]),
    ):
        numbers = []
        for path in paths:
            assert isinstance(path, AggregatedPath)
            ends = zip([node.key for node in path.nodes], [node.key for node in path.nodes[1:]], strict=False)
            numbers.append([stored[pair]["graphs"] for pair in ends])
            assert path.graphs == numbers[-1]
        headers, rows = paths.table()
        assert [row[headers.index("graphs")] for row in rows] == [min(of_path) for of_path in numbers]
        assert paths.to_pandas()["graphs"].dropna().tolist() == [n for of_path in numbers for n in of_path]
    plain = examples["night"]
    assert "graphs" not in plain.neighbors("logit:1", k=3).to_pandas()
    assert not hasattr(plain.paths(k=1)[0], "graphs")
    [contrast] = one.paths(targets=["logit:target"], minus=["logit:others"], k=1)
    assert contrast.graphs[-1] is None


def test_every_question_can_be_asked_of_it(atlas: Atlas, one: GraphHandle, tmp_path: Path) -> None:
    best = one.paths(k=5)
    assert len(best) == 5
    assert all(path.nodes[-1].key == "logit:target" for path in best)
    [middle, *_] = [node for node in best[0].nodes if node.kind == "feature"]
    assert one.node(middle.key).node.position is None
    assert one.node(middle.key.removeprefix("feature:")).node == one.node(middle.key).node
    assert all(middle not in path.nodes for path in one.paths(k=5, avoid=[middle.key]))
    assert all(middle in path.nodes for path in one.paths(k=5, must_pass=[middle.key]))
    assert one.count().total > 0
    assert one.score([middle.key, "logit:target"])
    assert one.score_distribution().paths > 0
    assert one.influence(k=3)
    assert one.influence_by("feature").groups
    assert one.influence_by("position").notes == ["The nodes have no positions."]
    assert one.influence_by_length()
    assert one.edge_influence(k=3)
    assert one.neighbors(middle.key, k=3)
    assert one.subgraph(middle.key)
    assert one.circuit(nodes=5)
    assert one.stats().n_pos == 0
    assert one.to_networkx().number_of_nodes() == one.stats().nodes.total
    assert one.create_supernode("early", [middle.key, one.influence(k=3, kinds=["feature"])[1].node.key])
    assert one.collapsed().paths(k=1)
    assert not atlas.verify(f"{MAP}:collapsed").damaged
    one.delete_supernode("early")
    compared = atlas.compare(MAP, "night", align="feature", k=3)
    assert compared.overlap("feature").shared > 0
    assert compared.overlap("feature").only_b == 0
    one.view().save(tmp_path / "view.html")
    one.report().save(tmp_path / "report.html")
    boxes = [shape["text"] for shape in one.view_circuit(k=5).figure()["layout"]["annotations"] if "text" in shape]
    assert boxes
    assert not [text for text in boxes if "None" in text]
    with pytest.raises(InvalidArgumentError, match="no positions"):
        one.paths(positions=[3])


@pytest.mark.parametrize("align", ["feature", "relative"])
def test_exported_files_are_read_again(
    align: str, atlas: Atlas, examples: Any, new_name: Callable[[], str], tmp_path: Path
) -> None:
    graph = atlas.aggregate("night", "winter", name=new_name(), align=align)
    atlas.export(graph.name, tmp_path / "map.json")
    read = read_graph(tmp_path / "map.json")
    data = read_graph_data(graph)
    assert (read.nodes.kind == data.nodes.kind).all()
    content = json.loads((tmp_path / "map.json").read_text())
    assert len({node["node_id"] for node in content["nodes"]}) == len(data.nodes)
    assert [block.weight.tolist() for block in read.edges.blocks(1 << 30)] == [
        block.weight.tolist() for block in data.edges.blocks(1 << 30)
    ]
    atlas.export(graph.name, tmp_path / "map.graphml")
    assert networkx.read_graphml(tmp_path / "map.graphml").number_of_edges() == len(data.edges)


def test_a_comparison_says_that_nodes_have_no_positions(atlas: Atlas, one: GraphHandle) -> None:
    [note] = [note for note in atlas.compare(MAP, "night", k=1).notes if "has no positions" in note]
    assert "--align feature" in note
    assert not any("has no positions" in note for note in atlas.compare(MAP, "night", align="feature", k=1).notes)


def test_a_pt_has_no_place_for_it(atlas: Atlas, one: GraphHandle, torch: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no place for the node"):
        atlas.export(MAP, tmp_path / "map.pt")


def test_questions_across_graphs_do_not_count_it(atlas: Atlas, one: GraphHandle) -> None:
    feature = one.influence(k=1, kinds=["feature"])[0].node.key
    assert MAP not in {activation.graph for activation in atlas.feature(feature, k=1000).activations}
    assert MAP in {activation.graph for activation in atlas.feature(feature, graphs=[MAP]).activations}
    [summary] = [summary for summary in atlas.graphs().graphs if summary.graph == MAP]
    assert summary.aggregated_graphs == len(SOURCES)


def test_an_aggregate_knows_when_it_is_out_of_date(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    first, second, tag, name = new_name(), new_name(), new_name(), new_name()
    for graph, example in ((first, "night"), (second, "winter")):
        atlas.ingest(example_file(example), name=graph, tags=[tag])
    made = atlas.aggregate(tags=[tag], name=name)
    assert made.paths(k=1).notes == []
    made.circuit(nodes=3, name="core")
    atlas.tag(name, add=[tag])  # an aggregate is not made of itself
    assert atlas.graph(name).paths(k=1).notes == []
    assert status_of(atlas.aggregate(name=name, refresh=True)) == "unchanged"
    atlas.tag(second, remove=[tag])
    [note] = atlas.graph(name).paths(k=1).notes
    assert "out of date" in note
    assert note in atlas.compare(name, first, k=1).notes
    assert note in atlas.graph(name).view().summary.notes
    assert note in atlas.graph(name).view_paths(k=1, min_hops=1).summary.notes
    assert note in atlas.graph(name).report(k=1).view.summary.notes
    assert note in atlas.only_features(name, without=[first]).notes
    assert note in atlas.recurring(name, first, k=1).notes
    assert note in atlas.search("moon", graph=name).notes
    assert note in atlas.motifs(name, random=2).notes
    assert note in atlas.series(first, circuit="core", of=name).notes
    assert note in atlas.query("features.only", {"graphs": [name], "without": [first]}).notes
    assert note not in atlas.query("features.only", {"tags": [tag]}).notes  # which stands for graphs of prompts
    with pytest.raises(NodeNotFoundError, match="have no positions"):
        atlas.graph(name).node("token:-1")
    feature = next(node for node in atlas.graph(name).nodes() if node.kind == "feature")
    assert note in atlas.feature(f"{feature.layer}/{feature.index}", graphs=[name]).notes
    assert note in atlas.query("neighbors.direct", {"graph": name, "key": "logit", "k": 1}).notes
    assert status_of(atlas.aggregate(name=name, refresh=True)) == "replaced"
    assert atlas.graph(name).paths(k=1).notes == []
    atlas.tag(second, add=[tag])
    atlas.aggregate(name=name, refresh=True)
    again = atlas.aggregate(tags=[tag], name=new_name())
    both = [read_graph_data(graph) for graph in (made, again)]
    assert (both[0].edges.as_arrays().weight == both[1].edges.as_arrays().weight).all()  # type: ignore[attr-defined]
    atlas.delete(first)
    assert atlas.graph(name).stats().notes
    atlas.delete(second)
    with pytest.raises(InvalidArgumentError, match="no graph is left"):  # the aggregate itself still has the tag
        atlas.aggregate(name=name, refresh=True)


@pytest.mark.parametrize(
    ("align", "weight", "min_graphs"), [("feature", "mean", 1), ("relative", "normalised", 2), ("exact", "mean", 1)]
)
def test_graphs_are_added_and_taken_out_without_reading_the_others_again(
    align: str,
    weight: str,
    min_graphs: int,
    atlas: Atlas,
    examples: Any,
    new_name: Callable[[], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is then stored is the same as if all were read."""
    tag, name = new_name(), new_name()
    how: dict[str, Any] = {"align": align, "weight": weight, "min_graphs": min_graphs}
    graphs = ["foot", "night", "puppy", "winter"]
    atlas.tag(*graphs, add=[tag])
    try:
        atlas.aggregate(tags=[tag], name=name, **how)
        for removed, added in ((["night"], ["taste"]), (["foot"], []), ([], ["foot", "night"])):
            for graph in removed:
                atlas.tag(graph, remove=[tag])
            for graph in added:
                atlas.tag(graph, add=[tag])
            graphs = sorted({*graphs, *added} - {*removed})
            with caplog.at_level(logging.INFO, "circuit_atlas"):
                caplog.clear()
                again = atlas.aggregate(name=name, refresh=True)
            wanted = f"{name}: graphs added to its sums: {len(added)}, taken out of them: {len(removed)}"
            assert wanted in caplog.messages
            assert again.metadata["aggregated_graphs"] == len(graphs)
            _check_same(again, atlas.aggregate(*graphs, name=new_name(), **how))
            assert not atlas.verify(name).damaged
    finally:
        atlas.tag(*graphs, remove=[tag])


def _check_same(graph: GraphHandle, other: GraphHandle) -> None:
    """Check that two aggregates are equal. Only the last digits of the standard deviation may differ."""
    one, two = (read_graph_data(each, relationships=True) for each in (graph, other))
    assert one.statistics is not None
    assert two.statistics is not None
    for field in fields(one.nodes):
        np.testing.assert_array_equal(getattr(one.nodes, field.name), getattr(two.nodes, field.name))
    for name in ("target", "source", "weight"):
        np.testing.assert_array_equal(*(getattr(data.edges.as_arrays(), name) for data in (one, two)))  # type: ignore[attr-defined]
    for name in ("graphs", "mean_influence"):
        np.testing.assert_array_equal(*(getattr(data.nodes, name) for data in (one.statistics, two.statistics)))
    for name in ("weight_present", "graphs", "sign_agreement"):
        np.testing.assert_array_equal(*(getattr(data.edges, name) for data in (one.statistics, two.statistics)))
    np.testing.assert_allclose(one.statistics.edges.weight_sd, two.statistics.edges.weight_sd, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        "a deleted graph",
        "a replaced graph",
        "most graphs",
        "another graph of that content",
        "no sums",
        "half of the sums",
        "a wrong byte",
        "a wrong type",
    ],
)
def test_all_graphs_are_read_where_sums_do_not_help(
    change: str, atlas: Atlas, new_name: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    tag, name, graphs = new_name(), new_name(), [new_name() for _ in range(4)]
    for i, graph in enumerate(graphs):
        data = make_graph([0, i + 1, i + 2, 6], [(0, 1, 1.5 + i), (1, 2, -0.5), (1, 3, 2.0), (2, 3, 0.25 * i + 1)])
        load_graph(atlas, data, name=graph, tags=[tag])
    atlas.aggregate(tags=[tag], name=name)
    if change == "a deleted graph":
        atlas.delete(graphs[0])
    elif change == "a replaced graph":
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 9.0), (1, 2, 1.0)]), name=graphs[0], replace=True)
    elif change == "most graphs":
        atlas.tag(*graphs[2:], remove=[tag])
    elif change == "another graph of that content":
        another = "MATCH (n:Token {graph: $graph}) SET n.token = 'x'"  # which `verify` would find
        atlas.cypher(another, {"graph": graphs[0]}, write=True)
        atlas.tag(graphs[0], remove=[tag])
    else:
        _damage(atlas, name, change)
        atlas.tag(graphs[0], remove=[tag])
    with caplog.at_level(logging.INFO, "circuit_atlas"):
        again = atlas.aggregate(name=name, refresh=True)
    assert again.ingested.status == "replaced"
    assert "its sums" not in caplog.text
    _check_same(again, atlas.aggregate(tags=[tag], name=new_name()))


def test_a_repaired_graph_is_read_again(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    """What was added up from its wrong influence could not be taken out again."""
    copy, name = new_name(), new_name()
    atlas.ingest(example_file("night"), name=copy)
    atlas.cypher("MATCH (n:Feature {graph: $graph}) SET n.influence = 1.0", {"graph": copy}, write=True)
    atlas.aggregate("foot", "puppy", "winter", copy, name=name)
    assert atlas.verify(copy, repair=True).graphs[0].repaired
    assert read_sums(atlas, name) is None


@pytest.mark.parametrize("what", ["another", "deleted", "repaired"])
def test_a_refresh_replaces_only_what_it_has_read(
    what: str, atlas: Atlas, examples: Any, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an aggregate, or another graph, that got its name meanwhile; nor sums that were found to be wrong."""
    name, tag, copy, read, done = new_name(), new_name(), new_name(), aggregates.aggregated_data, list[str]()
    atlas.ingest(example_file("night"), name=copy, tags=[tag])
    atlas.aggregate("puppy", tags=[tag], name=name)
    atlas.ingest(example_file("winter"), name=new_name(), tags=[tag])

    def meanwhile(*arguments: Any, **how: Any) -> Any:
        data = read(*arguments, **how)
        if done:  # it is read again, because a graph has changed
            return data
        done.append(what)
        if what == "repaired":
            atlas.cypher("MATCH (n:Feature {graph: $graph}) SET n.influence = 1.0", {"graph": copy}, write=True)
            atlas.verify(copy, repair=True)
        elif what == "another":
            monkeypatch.setattr(aggregates, "aggregated_data", read)
            atlas.aggregate("puppy", "foot", name=name, replace=True)
        else:
            atlas.delete(name)
        return data

    monkeypatch.setattr(aggregates, "aggregated_data", meanwhile)
    with pytest.raises(
        GraphChangedError, match=r"replaced or deleted since it was read\n.*Nothing was written over it"
    ):
        atlas.aggregate(name=name, refresh=True)
    there = [summary.graph for summary in atlas.graphs().graphs]
    assert (name in there) == (what != "deleted")
    if what == "another":
        assert atlas.graph(name).metadata["aggregated_names"] == ["foot", "puppy"]
    if what == "repaired":
        assert read_sums(atlas, name) is None
        monkeypatch.setattr(aggregates, "aggregated_data", read)
        atlas.aggregate(name=name, refresh=True)


@pytest.mark.parametrize(
    "state",
    [
        b"",
        zlib.compress(b""),
        zlib.compress(b"not a file of numpy"),
        _packed(np.save, np.zeros(3)),
        _packed(np.savez, about=np.zeros(3)),
        _packed(np.savez, about=np.frombuffer(b"[]", np.uint8), effects=np.zeros((3, 0))),
    ],
    ids=["nothing", "nothing, packed", "text", "an array", "numbers", "a list"],
)
def test_sums_that_are_not_ours_are_not_used(state: bytes) -> None:
    assert Aggregation("feature", "mean", 10).restore(state) is None


def _damage(atlas: Atlas, name: str, how: str) -> None:
    sums = "MATCH (:Graph {name: $name})-[:AGGREGATE_SUMS]->(s)"
    [row] = atlas.cypher(f"{sums} RETURN s.data AS data", {"name": name}).rows
    data, middle = row["data"], len(row["data"]) // 2
    damaged = {
        "no sums": None,
        "half of the sums": data[:middle],
        "a wrong byte": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "a wrong type": [1, 2],
    }
    atlas.cypher(f"{sums} SET s.data = $data", {"name": name, "data": damaged[how]}, write=True)


def test_too_many_sums_are_not_kept(
    atlas: Atlas, examples: Any, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "_MAX_KEPT", 100)
    name = new_name()
    atlas.aggregate("night", "winter", name=name)
    kept = atlas.cypher("MATCH (:Graph {name: $name})-[:AGGREGATE_SUMS]->(s) RETURN count(s) AS n", {"name": name}).rows
    assert kept == [{"n": 0}]


def test_what_no_longer_exists_is_left_out_of_a_refresh(
    atlas: Atlas, examples: Any, new_name: Callable[[], str]
) -> None:
    graphs, tag, name = [new_name(), new_name()], new_name(), new_name()
    for graph, example in zip(graphs, ("night", "winter"), strict=True):
        atlas.ingest(example_file(example), name=graph, tags=[tag] if example == "winter" else [])
    atlas.aggregate("foot", "night", graphs[0], tags=[tag], name=name, min_graphs=2)
    for graph in graphs:
        atlas.delete(graph)
    again = atlas.aggregate(name=name, refresh=True)
    assert again.ingested.warnings[-1] == f"graphs and tags that no longer exist were left out: {graphs[0]!r}, {tag!r}"
    assert again.metadata["aggregated_names"] == ["foot", "night"]
    assert again.metadata["aggregated_min_graphs"] == 2
    assert atlas.aggregate(name=name, refresh=True).ingested.status == "unchanged"
    other = new_name()
    load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)]), name=other)
    atlas.aggregate(other, name=name, replace=True)
    atlas.delete(other)
    atlas.tag("foot", add=[other])  # which is no graph of that name
    with pytest.raises(InvalidArgumentError, match="none of the graphs and tags"):
        atlas.aggregate(name=name, refresh=True)
    atlas.tag("foot", remove=[other])


def test_a_tag_stands_for_no_aggregate(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    """It would count the same prompts once more."""
    tag, name, graphs = new_name(), new_name(), ["night", "winter"]
    atlas.tag(*graphs, add=[tag])
    atlas.aggregate(*graphs, name=name)
    atlas.tag(name, add=[tag])
    try:
        assert atlas.recurring(tags=[tag]).graphs == 2
        assert atlas.common_features(tags=[tag]).graphs == graphs
        assert atlas.recurring_motifs(tags=[tag], k=1).graphs == graphs
        assert [one.graph for one in atlas.each(tags=[tag]).paths(k=1)] == graphs
        assert atlas.motifs(tags=[tag], random=2).graphs == graphs
        assert atlas.enriched_edges(tags=[tag], baseline=["foot", "puppy"]).graphs == graphs
        assert {one.graph for one in atlas.feature("0/96631", tags=[tag]).activations} <= set(graphs)
        by_cypher = atlas.query("recurring.features", {"tags": [tag], "k": 1}).rows
        assert by_cypher[0]["n_graphs"] == 2
        assert [one.graph for one in atlas.each(name, tags=[tag]).stats()] == [name, *graphs]
        atlas.tag(*graphs, remove=[tag])
        with pytest.raises(InvalidArgumentError, match="no graph is left"):
            atlas.recurring(tags=[tag])
    finally:
        atlas.delete(tags=[tag])
    assert name not in [one.graph for one in atlas.graphs().graphs]
    assert set(graphs) <= {one.graph for one in atlas.graphs().graphs}


def test_tokens_without_text_stay_apart(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """A `.pt` whose tokenizer is not at hand has ids of tokens only."""
    graphs = [new_name(), new_name()]
    for name in graphs:
        data = make_graph([0, 0, 1, 2], [(0, 2, 5.0), (1, 2, -4.0), (2, 3, 1.0)])
        load_graph(atlas, replace(data, nodes=replace(data.nodes, token=[None] * 4)), name=name)
    made = atlas.aggregate(*graphs, name=new_name())
    effects = {one.node.key: one.weight for one in made.neighbors("feature:1/2", direction="in")}
    assert sorted(effects.values()) == [-4.0, 5.0]


def test_it_has_the_layers_of_all_its_graphs(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """The file of a graph may have the layers that it uses, instead of those of the model."""
    graphs = [new_name(), new_name()]
    for name, layers in zip(graphs, ([0, 1, 2], [0, 1, 4, 5]), strict=True):
        edges = [(i, i + 1, 1.0) for i in range(len(layers) - 1)]
        load_graph(atlas, make_graph(layers, edges), name=name)
    made = atlas.aggregate(*graphs, name=new_name())
    assert made.paths(layers=[1, 4], min_hops=3, k=1).paths


def test_what_cannot_be_aggregated_is_refused(atlas: Atlas, one: GraphHandle, new_name: Callable[[], str]) -> None:
    name = new_name()
    with pytest.raises(InvalidArgumentError, match="no graphs given"):
        atlas.aggregate(name=name)
    with pytest.raises(GraphNotFoundError):
        atlas.aggregate("night", "nowhere", name=name)
    with pytest.raises(NotFoundError, match="no graph has the tag"):
        atlas.aggregate(tags=["nothing"], name=name)
    with pytest.raises(InvalidArgumentError, match="is itself a collapsed graph or an aggregate"):
        atlas.aggregate(MAP, "night", name=name)
    with pytest.raises(InvalidArgumentError, match="models or sets of transcoders.*llama.*gemma|gemma.*llama"):
        atlas.aggregate("night", "dallas-llama", name=name)
    with pytest.raises(InvalidArgumentError, match="'night' is one of the graphs"):
        atlas.aggregate("night", "winter", name="night", replace=True)
    with pytest.raises(InvalidArgumentError, match="align cannot be"):
        atlas.aggregate("night", name=name, align="text")
    with pytest.raises(InvalidArgumentError, match="weight cannot be"):
        atlas.aggregate("night", name=name, weight="sum")
    for min_graphs in (0, 3):
        with pytest.raises(InvalidArgumentError, match="min_graphs cannot be"):
            atlas.aggregate("night", "winter", name=name, min_graphs=min_graphs)
    with pytest.raises(InvalidArgumentError, match="not an aggregate"):
        atlas.aggregate(name="night", refresh=True)
    given: list[dict[str, Any]] = [{"tags": ["analogies"]}, {"align": "exact"}, {"weight": "mean"}, {"replace": True}]
    given.append({"min_graphs": 1})
    for more in given:
        with pytest.raises(InvalidArgumentError, match="from the same graphs and tags"):
            atlas.aggregate(name=MAP, refresh=True, **more)


def test_too_many_nodes_are_refused(
    atlas: Atlas, examples: Any, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "MAX_GRAPH_NODES", 450)
    with pytest.raises(InvalidArgumentError, match="more than 450 nodes"):
        atlas.aggregate("night", "winter", name=new_name())
    assert atlas.aggregate("night", "winter", name=new_name(), min_graphs=2).ingested.nodes < 450


def test_graphs_without_logits_and_effects_that_cancel_out_are_told(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = [new_name(), new_name()]
    for name, weight in zip(names, (2.0, -2.0), strict=True):
        data = make_graph([0, 1, 2], [(0, 1, weight), (1, 2, 1.0)], logit=False)
        load_graph(atlas, data, name=name)
    made = atlas.aggregate(*names, name=new_name())
    assert made.ingested.warnings == [
        "graphs without logits, which add no effect on the target: 2",
        "effects that add up to exactly 0 over all graphs, left out: 1",
    ]
    assert made.stats().edges == 1
    assert made.paths(sources=["token:text/t0"], targets=["feature:2/2"]).paths == []


def test_graphs_whose_logits_have_no_probabilities_are_told(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Also when they join later, to sums that were kept."""
    names, made = [new_name(), new_name()], new_name()
    for name, probability in zip(names, (0.5, np.nan), strict=True):
        data = make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)])
        data.nodes.probability[2] = probability
        load_graph(atlas, data, name=name)
    atlas.tag(names[0], add=["test-probable"])
    assert atlas.aggregate(tags=["test-probable"], name=made).ingested.warnings == []
    atlas.tag(names[1], add=["test-probable"])
    assert atlas.aggregate(name=made, refresh=True).ingested.warnings == [
        "graphs whose logits have no probabilities: the first is the target, and influence counts as 0: 1"
    ]


def test_import_files_have_what_is_known_of_effects(atlas: Atlas, one: GraphHandle, tmp_path: Path) -> None:
    atlas.export_import_files(tmp_path / "import", [MAP])
    assert (tmp_path / "import" / "DIRECT_EFFECT-more.parquet").exists()


def test_the_command_says_what_it_made(run: Run, atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    made = run("aggregate", "night", "winter", "--name", name, "--table")
    assert made.returncode == 0, made.stderr
    assert "ingested" in made.stdout
    assert run("aggregate", "--name", name, "--refresh", "--table").stdout.split()[-3] == "unchanged"
    fails(run("aggregate", "--name", name), 1, "no graphs given")


def test_weights_whose_squares_are_too_large_are_refused(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = [new_name(), new_name()]
    for name in names:
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1e160), (1, 2, 1.0)]), name=name)
    with pytest.raises(InvalidArgumentError, match="weights above 1e"):
        atlas.aggregate(*names, name=new_name())


def test_paths_of_two_aggregates_without_positions_differ_by_their_tokens(
    atlas: Atlas, new_name: Callable[[], str]
) -> None:
    """Also where a token has an @ in it."""
    made = []
    for token in ("a@b", "c@b"):
        data = make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)])
        nodes = replace(data.nodes, token=[token, None, "end"])
        source = new_name()
        load_graph(atlas, replace(data, nodes=nodes), name=source)
        made.append(atlas.aggregate(source, name=new_name(), align="feature").name)
    compared = atlas.compare(*made).paths
    assert (len(compared.shared), len(compared.only_a), len(compared.only_b)) == (0, 1, 1)


@pytest.mark.parametrize("weight", ["mean", "normalised"])
def test_effects_that_cancel_are_no_effect(weight: str, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """A feature acts on the logit at three positions: 1 + 2 - 3."""
    name, made = new_name(), new_name()
    graph = make_graph([0, 1, 1, 1, 2], [(0, 4, 4.0), (1, 4, 1.0), (2, 4, 2.0), (3, 4, -3.0)])
    graph.nodes.index[1:4] = 1
    load_graph(atlas, graph, name=name)
    atlas.aggregate(name, name=made, align="feature", weight=weight)
    rows = atlas.cypher("MATCH (a:Node {graph: $g})-[r:DIRECT_EFFECT]->() RETURN a.key AS source", {"g": made}).rows
    assert [row["source"].partition(":")[0] for row in rows] == ["token"]
