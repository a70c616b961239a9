"""Supernodes: made, kept, written; and graphs collapsed by them, with circuit-tracer's own frontend as the judge."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neo4j.exceptions import IncompleteCommit
from support import oracle
from support.examples import EXAMPLES, example_file
from support.graphs import array_edges, edge_list, make_graph, status_of
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle, supernodes
from circuit_atlas.database import Database
from circuit_atlas.errors import (
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
    NodeNotFoundError,
    SupernodeNotFoundError,
)
from circuit_atlas.graph.collapse import collapse, group_nodes
from circuit_atlas.graph.counts import as_integers
from circuit_atlas.graph.cycles import cyclic_path_counts
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.qparams import read_supernodes
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.queries import age
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import COLLAPSED_WEIGHTS
from circuit_atlas.schema.models import Supernode
from circuit_atlas.views.overlay import align
from circuit_atlas.views.picture import read_picture

FRONTEND = "frontend/assets/attribution_graph/init-cg-subgraph.js"
OPPOSITE = EXAMPLES / "opposite-small.json"
D3 = """
const numbers = (values, f) => values.map(v => +f(v)).filter(v => !isNaN(v))
const sum = (values, f) => numbers(values, f).reduce((a, b) => a + b, 0)
const d3 = {
  sum, mean: (values, f) => sum(values, f) / numbers(values, f).length, extent: () => [],
  nestBy: (values, key) => Object.values(Object.groupBy(values, key)),
}
"""
ROUND = (
    "({nodes, links, pinnedIds, supernodes}) => {"
    + D3
    + """
const visState = {pinnedIds}, subgraphState = {supernodes}, utilCg = {pctInputColorFn: () => ''}
const byId = Object.fromEntries(nodes.map(d => [d.node_id, d]))
nodes.forEach(d => { d.nodeId = d.node_id; d.sourceLinks = [] })
links.forEach(e => {
  e.sourceNode = byId[e.source]; e.targetNode = byId[e.target]; e.targetNode.sourceLinks.push(e)
})
nodes.forEach(d => { d.inputAbsSum = d3.sum(d.sourceLinks, e => Math.abs(e.weight)) })
let nodeIdToNode, sgNodes, sgLinks
%s
return sgLinks.map(d => [d.source, d.target, d.weight])
}"""
)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the graph with five supernodes, with a quarter of its effects: it is stored many times."""
    document = json.loads(OPPOSITE.read_text(encoding="utf-8"))
    file = tmp_path_factory.mktemp("sparse") / "opposite.json"
    file.write_text(json.dumps({**document, "links": document["links"][::4]}), encoding="utf-8")
    return file


@pytest.fixture
def opposite(atlas: Atlas, sparse: Path, new_name: Callable[[], str]) -> GraphHandle:
    """A copy of its own of that graph."""
    return atlas.ingest(sparse, name=new_name())


def edges_by_key(data: GraphData) -> dict[tuple[str, str], float]:
    return {
        (data.nodes.key(source), data.nodes.key(target)): weight for source, target, weight in edge_list(data.edges)
    }


def expected_links(data: GraphData, weights: str) -> dict[tuple[str, str], float]:
    """By key: of groups, the key that they have in the collapsed graph."""
    edges = edge_list(data.edges)
    names = [supernode.name for supernode in data.supernodes]
    keys = {data.nodes.key(i).partition(":")[2]: data.nodes.key(i) for i in range(len(data.nodes))}
    grouped = collapse(data).nodes
    keys |= {f"{grouped.label[i]}": grouped.key(i) for i in range(len(grouped)) if grouped.is_supernode(i)}

    def key(end: Any) -> str:
        return keys[names[end[1]]] if isinstance(end, tuple) else data.nodes.key(end)

    links = oracle.collapsed_edges(edges, [supernode.members for supernode in data.supernodes])
    which = COLLAPSED_WEIGHTS.index(weights)
    return {(key(s), key(t)): both[which] for (s, t), both in links.items() if abs(both[which]) > 1e-12}


@pytest.mark.parametrize("weights", COLLAPSED_WEIGHTS)
@pytest.mark.parametrize("name", ["opposite-small", "dallas-haiku"])
def test_real_graphs_collapse_as_the_formula_says(name: str, weights: str) -> None:
    data = read_graph(example_file(name))
    found = edges_by_key(collapse(data, weights))
    expected = expected_links(data, weights)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert len(found) == len(expected)


def test_links_are_those_of_the_frontend(page: Any, torch: ModuleType) -> None:
    """Its own code, from circuit-tracer's package, run in a browser on the whole file."""
    code = (files("circuit_tracer") / FRONTEND).read_text(encoding="utf-8")
    start, end = code.index("    // pick out the subgraph"), code.index("    sgLinks = d3.sort(sgLinks")
    document = json.loads(OPPOSITE.read_text(encoding="utf-8"))
    qparams = document["qParams"]
    drawn = page.evaluate(ROUND % code[start:end], {**document, **qparams})
    data = read_graph(OPPOSITE)
    ids = {data.nodes.source_id[i]: data.nodes.key(i) for i in range(len(data.nodes))}
    collapsed = collapse(data)
    labels = {
        f"{collapsed.nodes.label[i]}": collapsed.nodes.key(i)
        for i in range(len(collapsed.nodes))
        if collapsed.nodes.is_supernode(i)
    }
    found = edges_by_key(collapsed)
    shown = {(labels.get(s) or ids[s], labels.get(t) or ids[t]): weight for s, t, weight in drawn}
    assert len([pair for pair in shown if ":supernode/" in pair[0] and ":supernode/" in pair[1]]) == 11
    assert {pair: found[pair] for pair in shown} == pytest.approx(shown, rel=1e-9)


def test_the_query_for_links_finds_the_same_as_collapsing(examples: dict[str, GraphHandle]) -> None:
    handle = examples["opposite-small"]
    data = read_graph(OPPOSITE)
    shares, sums = (
        {
            (source.partition("/")[2], target.partition("/")[2]): weight
            for (source, target), weight in edges_by_key(collapse(data, weights)).items()
            if ":supernode/" in source and ":supernode/" in target
        }
        for weights in COLLAPSED_WEIGHTS
    )
    links = handle.supernode_links().links
    assert {(link.source, link.target): link.share for link in links} == pytest.approx(shares, rel=1e-9)
    assert {(link.source, link.target): link.sum for link in links} == pytest.approx(sums, rel=1e-9)
    assert [abs(link.share) for link in links] == sorted((abs(link.share) for link in links), reverse=True)
    assert handle.supernode_links(k=3).links == links[:3]
    assert "There may be more than these 3 links." in handle.supernode_links(k=3).notes[0]


@st.composite
def grouped_graphs(draw: st.DrawFn) -> GraphData:
    """Small graphs, effects forward and of a node on itself, groups that overlap."""
    n = draw(st.integers(2, 9))
    layers = sorted(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    ends = [(s, t) for t in range(n) for s in range(n) if layers[s] < layers[t] or (s == t and draw(st.booleans()))]
    chosen = draw(st.lists(st.sampled_from(ends), unique=True, max_size=20)) if ends else []
    weight = st.sampled_from([-3.5, -1.0, -0.5, 0.5, 1.0, 2.0])
    data = make_graph(layers, [(s, t, draw(weight)) for s, t in sorted(chosen, key=lambda pair: pair[::-1])])
    groups = draw(st.lists(st.sets(st.integers(0, n - 1), max_size=4), max_size=3))
    supernodes = tuple(Supernode(name=f"g{i}", members=tuple(sorted(group))) for i, group in enumerate(groups))
    return replace(data, supernodes=supernodes)


@given(data=grouped_graphs(), weights=st.sampled_from(COLLAPSED_WEIGHTS))
@settings(max_examples=200, deadline=None)
def test_any_grouping_collapses_as_the_formula_says(data: GraphData, weights: str) -> None:
    collapsed = collapse(data, weights)
    assert edges_by_key(collapsed) == pytest.approx(expected_links(data, weights), rel=1e-9, abs=1e-12)
    grouping = group_nodes(len(data.nodes), data.supernodes)
    owners = {i: supernode.name for supernode in data.supernodes for i in supernode.members}
    assert sorted(i for _, members in grouping.groups for i in members) == list(range(len(data.nodes)))
    for ordinal, (supernode, members) in enumerate(grouping.groups):
        assert (grouping.ordinal[members] == ordinal).all()
        assert {owners.get(i) for i in members.tolist()} == {supernode and supernode.name}
        assert supernode is not None or len(members) == 1
    inputs = oracle.input_sums(edge_list(collapsed.edges))
    assert weights == "sums" or all(total <= 1 + 1e-9 for total in inputs.values())


@given(data=grouped_graphs())
@settings(max_examples=100, deadline=None)
def test_paths_of_collapsed_graphs_are_counted_exactly(data: GraphData) -> None:
    """Cycles or not: what comes back to a node is no path."""
    data = collapse(data)
    edges = edge_list(data.edges)
    starts = data.nodes.kind == KINDS.index(Kind.TOKEN)
    counts = cyclic_path_counts(array_edges(edges), starts, 5, 100_000)
    assert counts is not None
    for end in range(len(data.nodes)):
        paths = oracle.all_paths(edges, np.flatnonzero(starts).tolist(), [end], 5)
        expected = oracle.count_by_hops((path for path in paths if len(set(path[0])) == len(path[0])), 5)
        assert as_integers(counts[1:, :, end]) == list(expected.values())


@pytest.mark.parametrize("name", ["opposite-small", "dallas-haiku"])
def test_influence_goes_around_cycles_as_circuit_tracers_does(name: str, torch: ModuleType) -> None:
    from circuit_tracer.graph import compute_node_influence

    data = collapse(read_graph(example_file(name)))
    order = topological_order(data.edges, data.nodes.depth)
    assert order is None
    matrix = torch.zeros(len(data.nodes), len(data.nodes), dtype=torch.float64)
    for source, target, weight in edge_list(data.edges):
        matrix[target, source] = weight
    weights = torch.from_numpy(np.nan_to_num(data.nodes.probability))
    expected = compute_node_influence(matrix, weights).numpy()
    flow = compute_influence(data, order)
    np.testing.assert_allclose(flow.influence, expected, rtol=1e-9, atol=1e-15)
    for score in (flow.replacement_score, flow.completeness_score):
        assert score is not None
        assert 0 < score < 1


def test_questions_across_graphs_bring_a_collapsed_graph_up_to_date(atlas: Atlas, opposite: GraphHandle) -> None:
    """They do so even if it was never stored."""
    name = f"{opposite.name}:collapsed"

    def features() -> int:
        return atlas.only_features(name, k=1000).total

    before = features()
    opposite.create_supernode("early", ["0/354@1", "0/1903@1"])
    assert features() == before - 2
    opposite.create_supernode("more", ["0/2364@1"])
    assert features() == before - 3
    atlas.delete(name)
    assert atlas.search("zzz", graph=name).hits == []
    assert name in [found.graph for found in atlas.graphs().graphs]


def test_a_graph_has_no_more_supernodes_than_are_listed(opposite: GraphHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    there = len(opposite.supernodes())
    monkeypatch.setattr(supernodes, "MAX_SUPERNODES", there)
    with pytest.raises(InvalidArgumentError, match=f"would have more than {there} supernodes"):
        opposite.create_supernode("early", ["0/354@1", "0/1903@1"])
    assert len(opposite.supernodes()) == there


def test_an_answer_of_a_collapsed_graph_that_is_out_of_date_says_so(atlas: Atlas, opposite: GraphHandle) -> None:
    collapsed = opposite.collapsed()
    assert collapsed.paths(k=1).notes == []
    opposite.create_supernode("early", ["0/354@1", "0/1903@1"])
    [note] = collapsed.paths(k=1).notes
    assert f"or its supernodes were changed. `circuit-atlas collapse {opposite.name}`" in note
    assert opposite.collapsed().paths(k=1).notes == []


def test_a_collapsed_graph_says_what_it_was_made_of(opposite: GraphHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supernode that another program made, and deleted again, while the graph was read."""
    read = age.supernode_groups

    def one_comes(*arguments: Any) -> Any:
        found = read(*arguments)
        monkeypatch.setattr(supernodes, "supernode_groups", read)
        opposite.create_supernode("passing", ["0/354@1", "0/1903@1"])
        return found

    monkeypatch.setattr(supernodes, "supernode_groups", one_comes)
    assert "feature:supernode/passing" in {node.key for node in opposite.collapsed().nodes()}
    opposite.delete_supernode("passing")
    assert "feature:supernode/passing" not in {node.key for node in opposite.collapsed().nodes()}


@pytest.mark.parametrize("name", ["opposite-small", "dallas"])
def test_circuit_tracers_page_shows_all_supernodes_of_a_pruned_graph(name: str) -> None:
    """It leaves out what is not a token or logit and has no influence up to the threshold of the file."""
    data = read_graph(example_file(name))
    last, middle = len(data.nodes) - 1, len(data.nodes) // 2
    groups = (*data.supernodes, Supernode(name="ends", members=(last,)), Supernode(name="some", members=(middle,)))
    collapsed = collapse(replace(data, supernodes=groups))
    supernodes = [i for i in range(len(collapsed.nodes)) if collapsed.nodes.is_supernode(i)]
    assert len(supernodes) >= 2
    assert collapsed.metadata.node_threshold is not None
    assert (collapsed.nodes.cumulative_influence[supernodes] <= collapsed.metadata.node_threshold).all()


def test_restrictions_say_that_they_do_not_look_into_supernodes(opposite: GraphHandle) -> None:
    grouped = {node.key for supernode in opposite.supernodes() for node in supernode.members}
    alone = [node for node in opposite.nodes() if node.kind is Kind.FEATURE and node.key not in grouped]
    number = Counter(node.key.partition("@")[0] for node in alone)
    several = next(node for node in alone if number[node.key.partition("@")[0]] > 1)
    place = several.key.removeprefix("feature:").partition("@")[0]
    other = next(node for node in alone if node.layer != several.layer)
    opposite.create_supernode("some", [several.key, other.key])
    collapsed = opposite.collapsed()
    for ask in (collapsed.paths, collapsed.count, collapsed.score_distribution):
        assert (
            f"Supernodes that group activations of {place} do not count as it: some."
            in ask(avoid=[place], max_hops=2).notes
        )
        assert any("Supernodes of several layers" in note for note in ask(layers=range(26), max_hops=2).notes)
        assert not any("upernodes" in note for note in ask(max_hops=2).notes)
    assert not any("upernodes" in note for note in opposite.paths(avoid=[place], layers=range(26), max_hops=2).notes)
    layers = "Supernodes of several layers belong to no layer, and are left out: "
    logit = collapsed.stats().logits[0].node.key
    for found in (
        collapsed.neighbors(logit, layers=range(26)),
        collapsed.subgraph(logit, layers=range(26)),
        collapsed.influence_by("layer"),
    ):
        assert any(note.startswith(layers) and "some" in note for note in found.notes)
    opposite.create_supernode("mixed", [several.key, "token:1"])  # the last supernode of a node counts
    collapsed = opposite.collapsed()
    kinds = "Supernodes of several kinds are of the kind other: mixed."
    assert kinds in collapsed.paths(kinds=["feature"], max_hops=2).notes
    assert kinds in collapsed.neighbors(logit, kinds=["feature"]).notes
    assert kinds in collapsed.influence(kinds=["feature"]).notes
    assert not any("some" in note for note in collapsed.paths(layers=range(26), max_hops=2).notes)


def test_supernodes_without_a_place_get_the_next_ones(atlas: Atlas, opposite: GraphHandle) -> None:
    """As two programs need it that make some at the same time, and have read the same places."""
    opposite.create_supernode("first", ["token:1"])
    graph = find_graph(atlas, opposite.name)
    steps = supernodes.supernode_steps(graph, {"second": [1], "third": [2]}, {}, source="hand", rule=None)
    opposite.create_supernode("between", ["token:2"])
    graph.write(*steps)
    names = [supernode.name for supernode in opposite.supernodes()]
    assert names[-4:] == ["first", "between", "second", "third"]
    order = {name: place for place, name in enumerate(names)}
    steps = supernodes.supernode_steps(graph, {"new": [1], "third": [2, 3]}, order, source="hand", rule=None)
    graph.write(*steps)
    statement = "MATCH (s:Supernode {graph: $graph}) WHERE s.name IS NOT NULL RETURN s.order AS place"
    places = [row["place"] for row in atlas.cypher(statement, {"graph": opposite.name}).rows]
    assert len(places) == len(set(places)) == len(names) + 1
    assert [supernode.name for supernode in opposite.supernodes()][-2:] == ["third", "new"]


def test_a_supernode_is_made_although_the_answer_to_the_commit_is_lost(
    opposite: GraphHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, lost = Database._write, [1]

    def without_answer(*arguments: Any) -> Any:
        found = write(*arguments)
        if lost and any("Supernode" in text for text, _ in arguments[1]):
            lost.pop()
            raise IncompleteCommit
        return found

    monkeypatch.setattr(Database, "_write", without_answer)
    opposite.create_supernode("twice", ["0/354@1", "0/1903@1"])
    assert not lost
    assert [supernode.name for supernode in opposite.supernodes()].count("twice") == 1


def test_supernodes_whose_names_differ_after_an_at_sign_are_different(
    atlas: Atlas, opposite: GraphHandle, sparse: Path, new_name: Callable[[], str]
) -> None:
    other = atlas.ingest(sparse, name=new_name())
    for handle, name in ((opposite, "reply @1"), (other, "reply @bob")):  # whose members are all at position 1
        handle.create_supernode(name, ["0/354@1", "0/1903@1"])
        handle.create_supernode("reply @all", ["0/2364@1"])
    one, two = opposite.collapsed(), other.collapsed()
    nodes = atlas.compare(one.name, two.name, k=10_000).nodes
    found = [
        [node.name for node in nodes_of if node.name.startswith("reply")]
        for nodes_of in (nodes.shared, nodes.only_a, nodes.only_b)
    ]
    assert found == [["reply @all"], ["reply @1"], ["reply @bob"]]
    groups = one.influence_by("feature", k=1000).groups
    assert {group.group for group in groups} >= {"feature:supernode/reply @1", "feature:supernode/reply @all"}
    drawn, _ = align(*(read_picture(graph, max_nodes=10_000) for graph in (one, two)))
    assert {node.name: node.side for node in drawn if node.name.startswith("reply")} == {
        "reply @all": 0,
        "reply @1": 1,
        "reply @bob": 2,
    }


def test_every_query_works_on_a_collapsed_graph(atlas: Atlas, opposite: GraphHandle, sparse: Path) -> None:
    collapsed = opposite.collapsed()
    assert collapsed.name == f"{opposite.name}:collapsed"
    data = collapse(read_graph(sparse))
    edges = edge_list(data.edges)
    keys = [data.nodes.key(i) for i in range(len(data.nodes))]
    stats = collapsed.stats()
    assert (stats.nodes.total, stats.edges) == (686, len(edges))
    assert stats.logits[0].node.name == 'Output "big" or "large"'
    assert atlas.verify(collapsed.name).damaged == 0

    node = collapsed.node("supernode:small")
    assert (node.node.key, node.node.kind, node.node.layer, node.node.position) == (
        "feature:supernode/small",
        "feature",
        None,
        5,
    )
    inputs = {keys[s]: w for s, t, w in edges if keys[t] == node.node.key}
    found = collapsed.neighbors("supernode/small", direction="in", k=1000).incoming
    assert {neighbor.node.key: neighbor.weight for neighbor in found} == inputs

    tokens = [i for i, key in enumerate(keys) if key.startswith("token:")]
    top = keys.index('logit:supernode/Output "big" or "large"')
    paths = [path for path in oracle.all_paths(edges, tokens, [top], 3) if len(set(path[0])) == len(path[0])]
    assert collapsed.count(max_hops=3).counts == oracle.count_by_hops(paths, 3)
    for order, sign in (("strongest", 1), ("inhibiting", -1)):
        best = collapsed.paths(max_hops=3, k=20, order=order).paths
        assert [path.score for path in best] == pytest.approx([p[0] for p in oracle.best_paths(paths, 20, sign)])
    through = collapsed.paths(max_hops=3, k=5, must_pass=["supernode:small"]).paths
    small = keys.index("feature:supernode/small")
    expected = oracle.best_paths([path for path in paths if small in path[0]], 5)
    assert [path.score for path in through] == pytest.approx([p[0] for p in expected])
    assert collapsed.influence(k=5).contributors[0].influence > 0
    assert collapsed.influence(targets=["supernode:small"], k=5).contributors
    assert collapsed.edge_influence(k=5).direct_effects
    assert {group.group for group in collapsed.influence_by("kind").groups} >= {"token", "error"}
    spread = collapsed.score_distribution(max_hops=3, sample=500)
    assert (spread.paths, spread.scored) == (len(paths), 500)


def test_a_logit_in_a_supernode_of_several_kinds_stays_a_target(atlas: Atlas, new_name: Callable[[], str]) -> None:
    graph = make_graph([0, 1, 1, 2], [(0, 1, 1.0), (0, 2, 2.0), (1, 3, 1.0), (2, 3, 3.0)])
    graph.nodes.probability[3] = 0.6
    load_graph(atlas, graph, name=(name := new_name()))
    handle = atlas.graph(name)
    handle.create_supernode("answer", ["feature:1/2", "logit:3"])
    collapsed = handle.collapsed()
    stored = {one.node.key: one.influence for one in collapsed.influence(k=10)}
    assert stored["token:0"] == pytest.approx(0.6)
    assert sum(length.by_start["token"] for length in collapsed.influence_by_length()) == pytest.approx(0.6)
    assert collapsed.score_circuit(["feature:1/1"]).completeness is not None


def test_a_collapsed_graph_follows_its_supernodes(atlas: Atlas, opposite: GraphHandle) -> None:
    name = f"{opposite.name}:collapsed"
    assert status_of(atlas.graph(name)) == "ingested"
    up_to_date = atlas.graph(name)
    assert up_to_date.ingested is None
    opposite.create_supernode("quotes", ["token:4", "token:6", "token:8"])
    again = atlas.graph(name)
    assert (status_of(again), again.stats().nodes.token) == ("replaced", 7)
    assert status_of(opposite.collapsed("sums")) == "replaced"
    assert atlas.graph(name).metadata["collapsed_weights"] == "sums"
    kept = atlas.graph(name).neighbors("logit:small", direction="in", k=1).incoming[0].weight
    assert kept == opposite.neighbors("logit:small", direction="in", k=1).incoming[0].weight
    with pytest.raises(InvalidArgumentError, match="is a collapsed graph"):
        again.create_supernode("more", ["token:1"])
    with pytest.raises(InvalidArgumentError, match="weights cannot be"):
        opposite.collapsed("means")
    opposite.delete_supernode(*(supernode.name for supernode in opposite.supernodes().supernodes))
    with pytest.raises(InvalidArgumentError, match="has no supernodes"):
        atlas.graph(name)
    assert name not in [graph.graph for graph in atlas.graphs().graphs]


def test_an_address_of_a_member_names_its_supernode(atlas: Atlas, opposite: GraphHandle) -> None:
    member = opposite.supernodes()[0].members[0].key
    name = opposite.supernodes()[0].name
    for address in (member, member.removeprefix("feature:")):
        with pytest.raises(NodeNotFoundError, match=re.escape(f"Name the supernode: supernode:{name}.")):
            opposite.collapsed().node(address)
    opposite.create_supernode("last", [member])  # a node in several counts in the last
    with pytest.raises(NodeNotFoundError, match=re.escape("Name the supernode: supernode:last.")):
        opposite.collapsed().node(member)
    opposite.delete_supernode("last")
    with pytest.raises(NodeNotFoundError, match="no node of"):
        opposite.collapsed().node("nothing like it")


def test_a_comparison_says_that_weights_are_shares(atlas: Atlas, opposite: GraphHandle) -> None:
    collapsed = opposite.collapsed(weights="shares").name
    [note] = [note for note in atlas.compare(opposite.name, collapsed, k=1).notes if "are shares" in note]
    assert "collapse GRAPH --weights sums" in note
    assert not any("are shares" in note for note in atlas.compare(collapsed, collapsed, k=1).notes)


def test_a_search_leaves_collapsed_graphs_out(atlas: Atlas, opposite: GraphHandle) -> None:
    def found(graph: str = "") -> set[str]:
        hits = atlas.query("search.text", {"text": "enlargement", "graph": graph, "max_activations": 100}).rows
        return {place["graph"] for hit in hits for place in hit["activations"]}

    collapsed = opposite.collapsed().name
    assert opposite.name in found()
    assert collapsed not in found()
    assert found(collapsed) == {collapsed}


def test_a_collapsed_graph_is_deleted_with_its_original(
    atlas: Atlas, opposite: GraphHandle, new_name: Callable[[], str]
) -> None:
    kept = atlas.ingest(OPPOSITE, name=new_name()).name
    collapsed = opposite.collapsed().name
    assert atlas.delete(opposite.name, collapsed, kept) == [opposite.name, collapsed, kept]
    assert not [graph for graph in atlas.graphs().graphs if graph.graph.startswith(opposite.name)]
    with pytest.raises(GraphNotFoundError):
        atlas.graph(f"{opposite.name}:collapsed")
    with pytest.raises(InvalidArgumentError, match="invalid name of a graph"):
        atlas.ingest(OPPOSITE, name="mine:collapsed")


def test_a_collapsed_graph_can_be_exported(
    torch: ModuleType, atlas: Atlas, opposite: GraphHandle, sparse: Path, tmp_path: Path
) -> None:
    name = f"{opposite.name}:collapsed"
    atlas.export(name, tmp_path / "c.json")
    again = read_graph(tmp_path / "c.json")
    original = collapse(read_graph(sparse))
    assert edge_list(again.edges) == edge_list(original.edges)
    assert "other:supernode/small" in [again.nodes.key(i) for i in range(len(again.nodes))]
    with pytest.raises(InputError, match="no place for the node"):
        atlas.export(name, tmp_path / "c.pt")
    atlas.export(name, tmp_path / "c.graphml")
    assert atlas.export_import_files(tmp_path / "import", [name]).nodes >= 686
    opposite.create_supernode("new", [found.node.key for found in opposite.influence(k=2)])
    atlas.export_import_files(tmp_path / "again", [name])
    rows = atlas.cypher("MATCH (n:Node {graph: $graph}) RETURN n.key AS key LIMIT 10000", {"graph": name}).rows
    assert any("supernode/new" in row["key"] for row in rows)
    opposite.delete_supernode("new")


def test_supernodes_are_made_by_hand_and_by_rule(opposite: GraphHandle) -> None:
    made = opposite.create_supernode("quotes", ["token:4", "token:6", "token:4"])
    [quotes] = made.supernodes
    assert (quotes.source, quotes.rule, [node.key for node in quotes.members]) == ("hand", None, ["token:4", "token:6"])
    [sizes] = opposite.create_supernode("sizes", matching="SIZE", layers=range(10, 26), positions=[8]).supernodes
    assert sizes.source == "rule"
    assert str(sizes.rule).startswith("matching 'SIZE'")
    assert {((node.layer or 0) >= 10, node.position, "size" in node.name.lower()) for node in sizes.members} == {
        (True, 8, True)
    }
    document = json.loads(OPPOSITE.read_text(encoding="utf-8"))
    expected = {
        node["node_id"]
        for node in document["nodes"]
        if node["feature_type"] == "cross layer transcoder"
        and "size" in node["clerp"].lower()
        and int(node["layer"]) >= 10
        and node["ctx_idx"] == 8
    }
    assert {node.source_id for node in sizes.members} == expected
    [logits] = opposite.create_supernode("big logits", matching="big", kinds=["logit"]).supernodes
    assert {node.name for node in logits.members} == {"big", "bigger", "Big"}
    names = [supernode.name for supernode in opposite.supernodes().supernodes]
    assert names[5:] == ["quotes", "sizes", "big logits"]
    assert opposite.node("token:4").supernodes == ["quotes"]


def test_one_supernode_for_each_feature_at_several_positions(opposite: GraphHandle) -> None:
    made = opposite.create_supernodes_of_features(layers=[23]).supernodes
    document = json.loads(OPPOSITE.read_text(encoding="utf-8"))
    positions: dict[str, set[str]] = {}
    for node in document["nodes"]:
        if node["feature_type"] == "cross layer transcoder" and node["layer"] == "23":
            positions.setdefault(node["node_id"].rpartition("_")[0], set()).add(node["node_id"])
    expected = sorted(sorted(ids) for ids in positions.values() if len(ids) > 1)
    assert sorted(sorted(str(node.source_id) for node in supernode.members) for supernode in made) == expected
    assert {supernode.name for supernode in made} == {"size (23/8488)", "size (23/8683)"}
    assert {supernode.rule for supernode in made} == {"same feature, layers 23"}
    with pytest.raises(InvalidArgumentError, match="already exists"):
        opposite.create_supernodes_of_features(layers=[23])
    opposite.create_supernodes_of_features(layers=[23], replace=True)
    with pytest.raises(InvalidArgumentError, match="no feature of"):
        opposite.create_supernodes_of_features(layers=[20])


def test_impossible_supernodes_are_refused(opposite: GraphHandle) -> None:
    before = opposite.supernodes()
    for arguments, options, problem in (
        (("small", ["token:1"]), {}, "'small' already exists"),
        (("new",), {}, "either nodes or a text"),
        (("new", ["token:1"]), {"matching": "x"}, "either nodes or a text"),
        (("new", ["token:1"]), {"layers": [1]}, "need a text to match"),
        (("new",), {"matching": "nothing says this"}, "contains 'nothing says this'"),
        (("new",), {"matching": " "}, "the text is empty"),
        (("new",), {"matching": "a", "kinds": ["thing"]}, "kind cannot be"),
        (("", ["token:1"]), {}, "invalid name of a supernode"),
        (("a\nb", ["token:1"]), {}, "invalid name of a supernode"),
        (("a\x9bb", ["token:1"]), {}, "invalid name of a supernode"),
        (("a\u202eb", ["token:1"]), {}, "invalid name of a supernode"),
    ):
        with pytest.raises(InvalidArgumentError, match=problem):
            opposite.create_supernode(*arguments, **options)
    with pytest.raises(SupernodeNotFoundError, match="no supernode is named 'nothing'"):
        opposite.delete_supernode("small", "nothing")
    assert opposite.supernodes() == before
    [small] = opposite.create_supernode("small", ["token:5"], replace=True).supernodes
    assert [node.key for node in small.members] == ["token:5"]
    after = opposite.supernodes().supernodes
    assert [supernode.name for supernode in after] == [supernode.name for supernode in before.supernodes]


def test_exported_qparams_contain_new_supernodes(atlas: Atlas, opposite: GraphHandle, tmp_path: Path) -> None:
    opposite.create_supernode("quotes", ["token:4", "token:6"])
    opposite.delete_supernode("opposite")
    atlas.export(opposite.name, tmp_path / "made.json")
    qparams = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))["qParams"]
    original = json.loads(OPPOSITE.read_text(encoding="utf-8"))["qParams"]
    known = [entry for entry in original["supernodes"] if entry[0] != "opposite"]
    assert qparams["supernodes"][:-1] == known
    assert qparams["supernodes"][-1][0] == "quotes"
    assert qparams["pinnedIds"] == original["pinnedIds"] + qparams["supernodes"][-1][1:]
    again = atlas.ingest(tmp_path / "made.json", name=opposite.name, replace=True)
    assert [(s.name, [n.key for n in s.members]) for s in again.supernodes().supernodes][-1] == (
        "quotes",
        ["token:4", "token:6"],
    )
    assert {supernode.source for supernode in again.supernodes().supernodes} == {"file"}


def test_a_graph_is_not_damaged_by_supernodes(atlas: Atlas, opposite: GraphHandle, sparse: Path) -> None:
    opposite.create_supernode("quotes", ["token:4", "token:6"])
    opposite.delete_supernode("opposite")
    assert atlas.verify(opposite.name, sparse).damaged == 0
    assert status_of(atlas.ingest(sparse, name=opposite.name)) == "unchanged"
    assert "quotes" in [supernode.name for supernode in opposite.supernodes().supernodes]


def test_supernodes_of_a_pt_are_exported_to_json(
    atlas: Atlas, saved: Path, new_name: Callable[[], str], tmp_path: Path
) -> None:
    handle = atlas.ingest(saved, name=new_name(), model="small", source_set="small")
    handle.create_supernode("start", ["token:0", "token:1"])
    collapsed = handle.collapsed("sums")
    assert collapsed.stats().nodes.total == handle.stats().nodes.total - 1
    assert atlas.verify(collapsed.name).damaged == 0
    atlas.export(handle.name, tmp_path / "small.json")
    data = read_graph(tmp_path / "small.json", source_set="small")
    assert [(s.name, [data.nodes.key(i) for i in s.members]) for s in data.supernodes] == [
        ("start", ["token:0", "token:1"])
    ]
    assert read_supernodes(data.metadata.file_qparams, data.nodes)[0] == data.supernodes


def test_the_commands_for_supernodes(run: Run, opposite: GraphHandle) -> None:
    name = opposite.name
    made = run("supernodes", "create", name, "sizes", "--matching", "size", "--layer", "20-25", "--kind", "feature")
    assert [s["name"] for s in json.loads(made.stdout)["supernodes"]] == ["sizes"], made.stderr
    assert run("supernodes", "delete", name, "sizes").stderr == "Deleted sizes.\n"
    listed = json.loads(run("supernodes", "list", name).stdout)["supernodes"]
    assert [len(supernode["members"]) for supernode in listed] == [2, 2, 3, 3, 3]
    assert len(json.loads(run("supernodes", "links", name).stdout)["links"]) == 6
    collapsed = json.loads(run("collapse", name).stdout)
    assert collapsed == json.loads(run("stats", name, "--collapsed").stdout)
    assert collapsed["graph"] == f"{name}:collapsed"
    one = run("neighbors", f"{name}:collapsed", "supernode:small", "--direction", "in", "-k", "1")
    assert json.loads(one.stdout)["in"][0]["node"]["key"] == "token:5"
    fails(run("supernodes", "create", name, "--same-feature", "more"), 2, "takes no NAME")
    fails(run("supernodes", "create", name), 2, "NAME")
    fails(run("collapse", f"{name}:collapsed"), 1, "is a collapsed graph")
