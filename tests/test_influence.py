"""Influence and graph scores agree with circuit-tracer's own functions."""

from __future__ import annotations

import importlib
import math
from collections import defaultdict
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support import oracle
from support.examples import EXAMPLES, NAMES, example_file
from support.graphs import dense, make_graph

from circuit_atlas import GraphHandle
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import Float64
from circuit_atlas.ingest import load_graph, read_graph
from circuit_atlas.schema.keys import Kind


@pytest.fixture(scope="session")
def tracer(torch: ModuleType) -> ModuleType:
    """circuit-tracer's functions of graphs."""
    return importlib.import_module("circuit_tracer.graph")


@pytest.fixture(scope="module", params=NAMES)
def expected(request: pytest.FixtureRequest, torch: ModuleType, tracer: ModuleType) -> tuple[str, list[str], Float64]:
    """Name, keys, and circuit-tracer's `compute_node_influence` in float64."""
    data = read_graph(example_file(request.param))
    weights = torch.from_numpy(np.nan_to_num(data.nodes.probability))
    influence = tracer.compute_node_influence(torch.from_numpy(dense(data)), weights)
    return request.param, [data.nodes.key(i) for i in range(len(data.nodes))], influence.numpy()


def test_influence_is_circuit_tracers(expected: tuple[str, list[str], Float64], atlas: Any, examples: Any) -> None:
    name, keys, influence = expected
    rows = atlas.cypher(
        "MATCH (n:Node {graph: $graph}) RETURN n.influence AS i, n.key AS key ORDER BY n.ordinal LIMIT 10000",
        {"graph": name},
    ).rows
    assert [row["key"] for row in rows] == keys
    assert np.allclose([row["i"] for row in rows], influence, rtol=1e-12, atol=1e-15)


def test_contributors_are_the_most_influential_nodes(expected: tuple[str, list[str], Float64], examples: Any) -> None:
    name, keys, influence = expected
    shares = {
        key: value for key, value in zip(keys, influence, strict=True) if not key.startswith("logit") and value > 0
    }
    total = sum(shares.values())
    found = examples[name].influence(k=10_000).contributors
    assert [c.influence for c in found] == pytest.approx(sorted(shares.values(), reverse=True), rel=1e-9)
    assert found[-1].cumulative_share == pytest.approx(1.0)
    half = examples[name].influence(k=10_000, share=0.5).contributors
    assert half == found[: len(half)]
    assert half[-1].cumulative_share >= 0.5 > (half[-2].cumulative_share if len(half) > 1 else 0.0)
    assert examples[name].influence(share=0.5).contributors == half  # however many these are
    assert len(examples[name].influence().contributors) == min(20, len(found))
    assert examples[name].influence(share=1).contributors == found
    cut = examples[name].influence(share=0.999, k=3)
    assert cut.contributors == found[:3]
    assert cut.notes[0].startswith("The first 3 nodes carry only 0.")
    tokens = examples[name].influence(kinds=["token"], k=10_000).contributors
    assert {c.node.kind for c in tokens} <= {Kind.TOKEN}
    assert found[0].cumulative_share == pytest.approx(found[0].influence / total)


@pytest.mark.parametrize("by", ["layer", "position", "kind", "feature"])
def test_groups_add_up_their_nodes(by: str, examples: Any) -> None:
    sums: dict[str, float] = defaultdict(float)
    for c in examples["dallas"].influence(k=10_000).contributors:
        node = c.node
        group = {"layer": node.layer, "position": node.position, "kind": node.kind, "feature": node.key.split("@")[0]}[
            by
        ]
        if group is not None:
            sums[str(group)] += c.influence
    found = examples["dallas"].influence_by(by, k=10_000)
    assert {g.group: g.influence for g in found.groups} == pytest.approx(dict(sums), rel=1e-9)
    assert examples["dallas"].influence_by(by, k=len(sums)).notes == found.notes == []
    first = examples["dallas"].influence_by(by, k=len(sums) - 1)
    assert first.groups == found.groups[:-1]
    assert first.notes == [f"There are more than these {len(first):,} groups (-k)."]


def test_influence_on_one_node_is_circuit_tracers(
    expected: tuple[str, list[str], Float64], examples: Any, torch: ModuleType, tracer: ModuleType
) -> None:
    name, keys, _ = expected
    data = read_graph(example_file(name))
    target = int(np.nanargmax(data.nodes.probability))
    weights = torch.zeros(len(keys), dtype=torch.float64)
    weights[target] = 1.0
    influence = tracer.compute_node_influence(torch.from_numpy(dense(data)), weights).numpy()
    found = examples[name].influence(targets=[keys[target]], k=10_000).contributors
    assert {c.node.key: c.influence for c in found} == pytest.approx(
        {key: x for key, x in zip(keys, influence, strict=True) if x > 0 and not key.startswith("logit")}, rel=1e-9
    )
    groups = examples[name].influence_by("kind", targets=[keys[target]], kinds=["token", "error"]).groups
    assert sum(group.influence for group in groups) == pytest.approx(1.0)


@pytest.mark.parametrize("targets", [False, True])
def test_influence_of_edges_is_circuit_tracers(
    targets: bool, expected: tuple[str, list[str], Float64], examples: Any, torch: ModuleType, tracer: ModuleType
) -> None:
    """`compute_edge_influence`, which adds the logits' weights in place."""
    name, keys, _ = expected
    data = read_graph(example_file(name))
    target = int(np.nanargmax(data.nodes.probability))
    weights = torch.from_numpy(np.nan_to_num(data.nodes.probability))
    if targets:
        weights = torch.zeros(len(keys), dtype=torch.float64)
        weights[target] = 1.0
    scores = tracer.compute_edge_influence(torch.from_numpy(dense(data)), weights).numpy()
    best = np.sort(scores.ravel())[::-1]
    chosen = {"targets": [keys[target]]} if targets else {}
    for k in (5, 2000):
        found = examples[name].edge_influence(k=k, **chosen).direct_effects
        assert [e.influence for e in found] == pytest.approx(best[: len(found)], rel=1e-9)
        assert len(found) == min(k, int((best > 0).sum()))
        place = {key: i for i, key in enumerate(keys)}
        for effect in found:
            assert scores[place[effect.target.key], place[effect.source.key]] == pytest.approx(effect.influence)


def test_the_least_sum_of_inputs_is_circuit_tracers(
    atlas: Any, new_name: Any, torch: ModuleType, tracer: ModuleType
) -> None:
    """It divides by 1e-10 at least. And a node counts that is too weak to change the sum of all influence."""
    name, data = new_name(), make_graph([0, 0, 0, 1, 1], [(0, 4, 1e-12), (1, 4, 1e-12), (2, 3, 1.0), (2, 4, 1e-29)])
    load_graph(atlas, data, name=name)
    scores = tracer.compute_edge_influence(
        torch.from_numpy(dense(data)), torch.from_numpy(np.nan_to_num(data.nodes.probability))
    ).numpy()
    found = atlas.graph(name).edge_influence().direct_effects
    assert [effect.influence for effect in found] == pytest.approx(sorted(scores[scores > 0], reverse=True), rel=1e-9)
    nodes = atlas.graph(name).influence().contributors
    assert [one.influence for one in nodes] == pytest.approx([0.005, 0.005, 0.5e-19], rel=1e-9)


def test_graph_scores_are_circuit_tracers(examples: Any, torch: ModuleType, tracer: ModuleType) -> None:
    """compute_graph_scores takes a whole graph, every error included: build that from the pruned file."""
    data = read_graph(EXAMPLES / "dallas.json")
    order = np.argsort(data.nodes.kind, kind="stable")  # feature, error, token, logit
    n_errors, n_tokens = data.nodes.count(Kind.ERROR), data.nodes.count(Kind.TOKEN)
    matrix = dense(data)[order][:, order]
    padding = -n_errors % n_tokens  # n_errors has to be n_tokens * n_layers: errors without effect change nothing
    at = data.nodes.count(Kind.FEATURE) + n_errors
    size = len(matrix) + padding
    padded = torch.zeros(size, size)
    keep = [i for i in range(size) if not at <= i < at + padding]
    padded[np.ix_(keep, keep)] = torch.from_numpy(matrix).float()
    probabilities = data.nodes.probability[order]
    graph = SimpleNamespace(
        adjacency_matrix=padded,
        logit_targets=range(data.nodes.count(Kind.LOGIT)),
        logit_probabilities=torch.from_numpy(probabilities[~np.isnan(probabilities)]).float(),
        input_tokens=range(n_tokens),
        selected_features=range(data.nodes.count(Kind.FEATURE)),
        cfg=SimpleNamespace(n_layers=(n_errors + padding) // n_tokens),
    )
    replacement, completeness = tracer.compute_graph_scores(graph)
    stats = examples["dallas"].stats()
    assert stats.replacement_score == pytest.approx(replacement, rel=1e-5)
    assert stats.completeness_score == pytest.approx(completeness, rel=1e-5)


def test_influence_without_logits_or_out_of_range_is_refused(atlas: Any, examples: Any, new_name: Any) -> None:
    name = new_name()
    load_graph(atlas, make_graph([0, 1], [(0, 1, 1.0)], logit=False), name=name)
    with pytest.raises(InvalidArgumentError, match="influence is undefined: the graph has no logits"):
        atlas.graph(name).influence()
    data = make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)])
    load_graph(atlas, replace(data, nodes=replace(data.nodes, probability=np.full(3, np.nan))), name=f"{name}-2")
    unsure = atlas.graph(f"{name}-2")
    with pytest.raises(InvalidArgumentError, match="influence is undefined: its logits have no probabilities"):
        unsure.influence()
    report = unsure.report()
    assert (report.contributors, len(report.paths.paths)) == (None, 1)
    [note] = examples["dallas"].influence_by("position", kinds=["logit"]).notes
    assert note.startswith("Nothing that was asked for")
    for wrong in ({"share": 0.0}, {"share": 1.5}, {"k": 0}, {"kinds": ["thing"]}):
        with pytest.raises(InvalidArgumentError):
            examples["dallas"].influence(**wrong)


@pytest.mark.parametrize("name", ["dallas", "dallas-haiku"])
@pytest.mark.parametrize("target", [None, "first logit"])
def test_influence_by_length_is_that_of_all_paths(
    name: str, target: str | None, examples: dict[str, GraphHandle]
) -> None:
    """Up to four effects, path by path: the product of normalised |weight| of each that begins where nothing leads."""
    handle, file = examples[name], oracle.read_file(example_file(name))
    sums = oracle.input_sums(file.edges)
    share = {(s, t): abs(w) / sums[t] for s, t, w in file.edges}
    starts = [i for i in range(len(file.node_ids)) if i not in sums]
    logits = handle.stats().logits
    places = {node_id: i for i, node_id in enumerate(file.node_ids)}
    if target:
        weights, targets = {places[str(logits[0].node.source_id)]: 1.0}, [logits[0].node.key]
    else:
        weights, targets = {places[str(x.node.source_id)]: x.probability or 0.0 for x in logits}, []
    expected = [0.0] * 3
    for nodes, along in oracle.all_paths(file.edges, starts, weights, 3):
        expected[len(along) - 1] += weights[nodes[-1]] * math.prod(
            share[pair] for pair in zip(nodes, nodes[1:], strict=False)
        )
    found = handle.influence_by_length(targets=targets).lengths
    assert [row.influence for row in found[:3]] == pytest.approx(expected)
    assert [row.length for row in found] == list(range(1, len(found) + 1))
    assert found[-1].cumulative_share == pytest.approx(1.0)
    if not target:
        stats = handle.stats()
        tokens, errors = (sum(row.by_start.get(kind, 0.0) for row in found) for kind in ("token", "error"))
        assert tokens / (tokens + errors) == pytest.approx(stats.replacement_score)
