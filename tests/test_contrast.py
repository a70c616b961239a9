"""Questions about a contrast of targets equal brute force over a file to which the contrast was added as a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import oracle
from support.examples import example_file
from support.graphs import make_graph
from support.paths import SCORES, ordinals
from support.program import Run, fails

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import InvalidArgumentError, NodeNotFoundError
from circuit_atlas.graph.data import Float64
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries.contrast import contrast_of
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.keys import Kind

CONTRASTS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "logits": ({"targets": "Austin", "minus": "Dallas"}, {"Austin": 1.0, "logit:Dallas": -1.0}),
    "weighted": (
        {"targets": ["Austin", "Houston"], "minus": ["logit:Dallas"], "weights": {"Houston": 0.5, "Dallas": 2}},
        {"Austin": 1.0, "Houston": 0.5, "logit:Dallas": -2.0},
    ),
    "features": (
        {"targets": "feature:20/44686@10", "minus": "feature:16/89970@9"},
        {"feature:20/44686@10": 1.0, "feature:16/89970@9": -1.0},
    ),
}


class WithContrast:
    """The edges of dallas and those on a contrast, which is the node n."""

    def __init__(self, name: str, atlas: Atlas, graph: GraphHandle) -> None:
        self.question, by_address = CONTRASTS[name]
        self.places = ordinals(graph, atlas)
        self.key = {place: key for key, place in self.places.items()}
        file = oracle.read_file(example_file("dallas"))
        self.tokens, self.n = file.tokens, len(self.places)
        parts = {self.places[graph.node(address).node.key]: weight for address, weight in by_address.items()}
        sums: dict[int, float] = {}
        for source, target, weight in file.edges:
            if target in parts:
                sums[source] = sums.get(source, 0.0) + parts[target] * weight
        self.effects = {source: weight for source, weight in sums.items() if weight}
        self.edges = [*file.edges, *((source, self.n, weight) for source, weight in self.effects.items())]

    def influence(self, kept: set[int] | None = None) -> Float64:
        """w A + w A^2 + ... of the contrast, with the rows of nodes that are not kept set to 0."""
        shares, sums = np.zeros((self.n + 1, self.n + 1)), oracle.input_sums(self.edges)
        for source, target, weight in self.edges:
            if kept is None or target in kept or target == self.n:
                shares[target, source] = abs(weight) / sums[target]
        return np.linalg.solve((np.eye(self.n + 1) - shares).T, shares[self.n]).astype(np.float64)


@pytest.fixture(scope="module", params=CONTRASTS)
def asked(request: pytest.FixtureRequest, atlas: Atlas, examples: dict[str, GraphHandle]) -> WithContrast:
    return WithContrast(request.param, atlas, examples["dallas"])


def found_paths(graph: GraphHandle, asked: WithContrast, **question: Any) -> list[tuple[float, tuple[int, ...]]]:
    answer = graph.paths(**asked.question, **question)
    return [(p.score, (*(asked.places[node.key] for node in p.nodes[:-1]), asked.n)) for p in answer.paths]


@pytest.mark.parametrize("score", SCORES)
def test_paths_to_a_contrast_equal_brute_force(
    score: str, asked: WithContrast, examples: dict[str, GraphHandle]
) -> None:
    graph, value = examples["dallas"], oracle.scorer(score, oracle.input_sums(asked.edges))
    paths = list(oracle.all_paths(asked.edges, asked.tokens, [asked.n], 3))
    for sign in ("any", "promoting", "inhibiting"):
        meant = [path for path in paths if sign == "any" or oracle.promotes(path) == (sign == "promoting")]
        best = oracle.best_paths(meant, 20, 1, value)
        turned = -1 if score == "product" and sign == "inhibiting" else 1
        found = found_paths(graph, asked, k=20, max_hops=3, score=score, sign=sign)
        assert [s for s, _ in found] == pytest.approx([turned * s for s, _, _ in best], rel=1e-9)
        if score != "product":
            assert [nodes for _, nodes in found] == [nodes for _, nodes, _ in best]


def test_restrictions_go_with_a_contrast(asked: WithContrast, examples: dict[str, GraphHandle]) -> None:
    graph, kind = examples["dallas"], {i: key.partition(":")[0] for i, key in asked.key.items()}
    avoided = {i for i, key in asked.key.items() if key.startswith("feature:8/37691")}
    passed = asked.places["feature:1/89326@9"]
    paths = oracle.all_paths(
        asked.edges,
        [asked.places["token:9"]],
        [asked.n],
        3,
        passes=lambda i: i == asked.n or (kind[i] == "feature" and i not in avoided),
        min_weight=0.25,
    )
    expected = oracle.best_paths([path for path in paths if passed in path[0] and len(path[1]) > 1], 10)
    restricted: dict[str, Any] = {"kinds": "feature", "avoid": "8/37691", "must_pass": "1/89326", "min_weight": 0.25}
    found = found_paths(graph, asked, sources="token:9", k=10, max_hops=3, min_hops=2, **restricted)
    assert [score for score, _ in found] == pytest.approx([score for score, _, _ in expected])
    assert [nodes for _, nodes in found] == [nodes for _, nodes, _ in expected] != []

    sums, paths_of_two = oracle.input_sums(asked.edges), oracle.all_paths(asked.edges, asked.tokens, [asked.n], 2)
    shares = [(nodes, [abs(w) / sums[t] for w, t in zip(ws, nodes[1:], strict=True)]) for nodes, ws in paths_of_two]
    found = found_paths(
        graph, asked, k=10, max_hops=2, edge_value="abs(weight) / input_sum + coalesce(target.layer, 0)"
    )
    layer = {asked.places[node.key]: node.layer or 0 for node in graph.nodes()} | {asked.n: 0}
    valued = [(n, [s + layer[t] for s, t in zip(values, n[1:], strict=True)]) for n, values in shares]
    assert [s for s, _ in found] == pytest.approx([s for s, _, _ in oracle.best_paths(valued, 10)], rel=1e-9)


def test_influence_on_a_contrast_equals_brute_force(asked: WithContrast, examples: dict[str, GraphHandle]) -> None:
    graph, expected = examples["dallas"], asked.influence()
    by_key = {asked.key[i]: x for i, x in enumerate(expected[:-1].tolist()) if x > 0 and "logit" not in asked.key[i]}
    answer = graph.influence(k=10_000, **asked.question)
    assert {c.node.key: c.influence for c in answer} == pytest.approx(by_key, rel=1e-9)
    groups = graph.influence_by("kind", kinds=["token", "error"], **asked.question)
    begun = sum(x for key, x in by_key.items() if key.startswith(("token", "error")))
    assert sum(group.influence for group in groups) == pytest.approx(begun)
    lengths = graph.influence_by_length(**asked.question)
    assert lengths[-1].cumulative_share == pytest.approx(1.0)
    sums, flow = oracle.input_sums(asked.edges), [*expected[:-1], 1.0]
    best = sorted((abs(w) / sums[t] * flow[t] for _, t, w in asked.edges), reverse=True)
    effects = graph.edge_influence(k=300, **asked.question)
    assert [effect.influence for effect in effects] == pytest.approx(best[:300])
    at = {asked.places[e.source.key]: e.weight for e in effects if e.target.key not in asked.places}
    assert at.items() <= asked.effects.items()
    assert at


def test_influence_on_a_contrast_in_a_circuit(
    atlas: Atlas, new_name: Callable[[], str], examples: dict[str, GraphHandle]
) -> None:
    graph = atlas.ingest(example_file("dallas"), name=new_name())
    nodes = ["feature:20/44686@10", "feature:1/89326@9", "feature:18/56027@10"]
    graph.score_circuit(nodes, name="three")
    asked = WithContrast("logits", atlas, examples["dallas"])
    logits = {i for i, key in asked.key.items() if key.startswith("logit:")}
    expected = asked.influence({asked.places[key] for key in nodes} | logits)
    found = graph.influence(k=100, circuit="three", kinds=["feature"], **asked.question)
    assert {c.node.key: c.influence for c in found} == pytest.approx(
        {key: expected[asked.places[key]] for key in nodes}
    )
    paths = graph.paths(circuit="three", k=50, **asked.question)
    assert {node.key for path in paths for node in path.nodes[1:-1]} == set(nodes)
    near = graph.neighbors("Austin", minus="Dallas", circuit="three", k=100)
    assert {one.node.key for one in near if one.node.kind == "feature"} <= set(nodes)


@pytest.mark.parametrize("asked", ["logits", "features"], indirect=True)
def test_neighbors_of_a_contrast_equal_brute_force(asked: WithContrast, examples: dict[str, GraphHandle]) -> None:
    graph = examples["dallas"]
    address, minus = asked.question["targets"], asked.question["minus"]
    ranks: dict[str, Callable[[float], float]] = {"abs": abs, "positive": float, "negative": lambda weight: -weight}
    for sign, strength in ranks.items():
        ranked = sorted(asked.effects.items(), key=lambda effect: (-strength(effect[1]), effect[0]))
        found = graph.neighbors(address, minus=minus, sign=sign, k=25)
        assert [(asked.places[one.node.key], one.weight) for one in found.incoming] == ranked[:25]
        assert not found.outgoing
    layered = graph.neighbors(address, minus=minus, kinds="feature", layers=range(1, 11), k=1000)
    assert {one.node.layer for one in layered} <= set(range(1, 11))
    features = [asked.key[i] for i in asked.effects if asked.key[i].startswith("feature:")]
    assert len(layered) == sum(1 <= int(key[8:].partition("/")[0]) <= 10 for key in features)
    wide = graph.subgraph(address, minus=minus, hops=2, k=3, direction="in")
    nearest = graph.neighbors(address, minus=minus, k=3)
    assert [e.source for e in wide if e.target == wide.node.key] == [one.node.key for one in nearest]
    behind = {(e.source, e.target, e.weight) for e in wide if e.target != wide.node.key}
    assert behind == {
        (one.node.key, near.node.key, one.weight)
        for near in nearest
        for one in graph.neighbors(near.node.key, direction="in", k=3)
    }


def test_what_a_contrast_is_made_of_is_said(examples: dict[str, GraphHandle]) -> None:
    answer = examples["dallas"].paths(**CONTRASTS["weighted"][0], k=1)
    made = json.loads(answer.to_json())["contrast"]
    assert made["node"]["name"] == "Austin + 0.5 Houston \N{MINUS SIGN} 2 Dallas"
    assert made["node"]["kind"] == "logit"
    assert [(part["node"]["name"], part["weight"]) for part in made["parts"]] == [
        ("Austin", 1.0),
        ("Houston", 0.5),
        ("Dallas", -2.0),
    ]
    assert "22605@10 + 0.5 logit:22898@10 \N{MINUS SIGN} 2 logit:26865@10, which is not stored" in answer.notes[0]
    assert answer.notes[0].endswith("Effects that were pruned (edge threshold 0.85) count as 0.")
    assert "contrast" not in json.loads(examples["dallas"].paths(k=1).to_json())
    default, named = (
        examples["dallas"].influence(minus="Dallas"),
        examples["dallas"].influence(**CONTRASTS["logits"][0]),
    )
    assert default == named
    assert examples["dallas"].neighbors("Austin", minus="feature:20/44686@10").node.kind == "other"
    none = examples["dallas"].paths(
        targets="Austin", minus="Houston", sources="feature:20/44686@10", min_hops=12, max_hops=12
    )
    assert any("Austin \N{MINUS SIGN} Houston" in note and "longest path" in note for note in none.notes)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "twice": ({"targets": "Austin", "minus": "logit:22605@10"}, r"logit:22605@10 \(Austin\) is in the contrast twice"),
    "default": ({"minus": "Austin"}, "is in the contrast twice"),
    "token": ({"targets": "Austin", "minus": "token:9"}, r"nothing acts on token:9 \(Dallas\), so it cannot be added"),
    "not in it": ({"minus": "Dallas", "weights": {"Houston": 2}}, "a weight is given for 'Houston', which is not"),
    "two weights": ({"minus": "Dallas", "weights": {"Dallas": 2, "logit:26865": 3}}, "two weights are given for logit"),
    "negative": ({"minus": "Dallas", "weights": {"Dallas": -1}}, "the weight of 'Dallas' cannot be -1"),
    "text": ({"minus": "Dallas", "weights": {"Dallas": "1"}}, "the weight of 'Dallas' cannot be '1'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_contrast_is_refused(name: str, examples: dict[str, GraphHandle]) -> None:
    question, message = REFUSED[name]
    for ask in (examples["dallas"].paths, examples["dallas"].influence, examples["dallas"].edge_influence):
        with pytest.raises(InvalidArgumentError, match=message):
            ask(**question)


def test_more_that_is_refused(atlas: Atlas, examples: dict[str, GraphHandle], new_name: Callable[[], str]) -> None:
    with pytest.raises(NodeNotFoundError, match="matches 'Paris'"):
        examples["dallas"].paths(minus="Paris")
    with pytest.raises(InvalidArgumentError, match="a contrast acts on nothing"):
        examples["dallas"].neighbors("Austin", minus="Dallas", direction="out")
    with pytest.raises(InvalidArgumentError, match="with respect to one target"):
        atlas.compare("night", "foot", targets=["logit:1", "logit:2"])
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 1, 2], [(0, 1, 2.0), (0, 2, 2.0), (1, 3, 1.0)]), name=name)
    with pytest.raises(InvalidArgumentError, match="cancel: no effect is left"):
        atlas.graph(name).paths(targets="feature:1/1@1", minus="feature:1/2@2")
    for made in ({"collapsed_weights": "shares"}, {"aggregated_weight": "normalised"}):
        graph = StoredGraph(atlas, "made", {"graph": made, "logits": []})
        with pytest.raises(InvalidArgumentError, match="shares of each target's inputs"):
            contrast_of(graph, ["Austin"], ["Dallas"], None)


def test_a_contrast_in_a_graph_with_a_cycle(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """0 -> 1 <-> 2, 1 -> 3 and 2 -> 4: no path visits 1 twice."""
    edges = [(0, 1, 1.0), (1, 2, 1.0), (2, 1, 3.0), (1, 3, 2.0), (2, 4, 1.5), (3, 5, 1.0)]
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 1, 2, 2, 3], edges), name=name)
    question: dict[str, Any] = {"targets": "feature:2/3@3", "minus": "feature:2/4@4"}
    found = atlas.graph(name).paths(score="sum", max_hops=8, **question)
    assert [path.weights for path in found] == [[1.0, 2.0], [1.0, 1.0, -1.5]]
    # What the contrast brings node 1: 2 of 3.5 directly, and 1.5 through node 2, all of whose inputs are node 1's.
    # Of node 1's own inputs, 3 of 4 come back from node 2.
    influence = {c.node.key: c.influence for c in atlas.graph(name).influence(**question)}
    assert influence["feature:1/1@1"] == pytest.approx(4.0)
    assert influence["token:0"] == pytest.approx(1.0)


def test_each_graph_has_its_own_contrast(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    found = atlas.each("night", "foot").paths(targets="logit:1", minus="logit:2", k=2)
    assert [one.answer for one in found] == [
        examples[name].paths(targets="logit:1", minus="logit:2", k=2) for name in ("night", "foot")
    ]


def test_graphs_are_compared_in_view_of_a_contrast(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    question: dict[str, Any] = {"targets": "logit:1", "minus": "logit:2"}
    found = atlas.compare("night", "foot", k=100, max_hops=2, **question)
    plain = atlas.compare("night", "foot", k=3, max_hops=2)
    pairs = [pair for part in (found.nodes.shared, found.nodes.only_a, found.nodes.only_b) for pair in part]
    shared = found.direct_effects.shared
    for side, name in (("a", "night"), ("b", "foot")):
        graph = examples[name]
        influence = {c.node.key: c.influence for c in graph.influence(k=10_000, **question)}
        for pair in pairs:
            keys = [node.key for node in getattr(pair, side)]
            assert getattr(pair, f"influence_{side}") == pytest.approx(sum(influence.get(key, 0.0) for key in keys))
        only = getattr(found.direct_effects, f"only_{side}")
        on_target = [effect for effect in [*shared, *only] if effect.target.identity == "target"]
        weights = {getattr(e.source, side)[0].key: getattr(e, f"weight_{side}") for e in on_target}
        near = graph.neighbors("logit:1", minus="logit:2", k=10_000)
        assert weights.items() <= {one.node.key: one.weight for one in near.incoming}.items()
        assert weights
        best = graph.paths(k=100, max_hops=2, min_hops=2, score="product", sign="promoting", **question).paths
        compared = [path for part in (found.paths.shared, getattr(found.paths, f"only_{side}")) for path in part]
        assert {str(getattr(path, side)) for path in compared} - {"None"} <= {str(path) for path in best}
        assert getattr(found, f"contrast_{side}") == near.contrast
    assert not any("probability" in note for note in found.notes)
    for what in ("feature", "logit"):
        assert found.overlap(what).shared == plain.overlap(what).shared
    assert not any(pair.identity == "target" for pair in pairs)
    one_target = atlas.compare("night", "foot", targets="logit:1", k=3, max_hops=2)
    on_logit = {c.node.key: c.influence for c in examples["night"].influence(targets="logit:1", k=10_000)}
    for pair in one_target.nodes.shared:
        assert pair.influence_a == pytest.approx(sum(on_logit[node.key] for node in pair.a))
    assert one_target.paths == plain.paths


def test_a_logit_that_is_called_as_a_rank_is_named(atlas: Atlas, new_name: Callable[[], str]) -> None:
    names = [new_name(), new_name()]
    for name, text in zip(names, ("1", "one"), strict=True):
        graph = make_graph([0, 1, 2, 2], [(0, 1, 1.0), (1, 2, 2.0), (1, 3, 1.0)])
        graph.nodes.token[3] = graph.nodes.label[3] = text
        graph.nodes.probability[2:] = (0.6, 0.3)
        load_graph(atlas, graph, name=name)
    note = f"logit:1 is the logit that is called '1' in {names[0]}, and number 1 by probability in the other graphs."
    assert note in atlas.compare(*names, targets="logit:1").notes
    feature = next(node for node in atlas.graph(names[0]).nodes() if node.kind is Kind.FEATURE)
    place = f"{feature.layer}/{feature.index}"
    series = atlas.series(*names, features=[place, feature.key.partition("@")[0], place], targets=["logit:1"])
    assert note in series.notes
    assert len(series) == 1  # the same feature, thrice
    assert note not in atlas.compare(names[0], names[0], targets="logit:1").notes


def test_weights_may_be_numbers_of_numpy(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    weights: dict[str, Any] = {"Austin": np.float32(0.5)}
    asked = examples["dallas"].paths(targets="Austin", weights=weights)
    assert asked == examples["dallas"].paths(targets="Austin", weights={"Austin": 0.5})
    for weight in (0, -1, True, "1", np.inf, 10**400):
        with pytest.raises(InvalidArgumentError, match="must be a positive number"):
            examples["dallas"].paths(targets="Austin", weights=weights | {"Austin": weight})
    rows = atlas.query("paths.top_k", {"graph": "dallas", "targets": ["logit:22605@10"], "k": np.int64(2)}).rows
    assert len(rows) == 2


def test_contrasts_on_the_command_line(run: Run, examples: dict[str, GraphHandle]) -> None:
    asked = run(
        "paths", "dallas", "--to", "Austin", "--to", "Houston", "--minus", "Dallas", "--weight", "Houston", "0.5"
    )
    in_python = examples["dallas"].paths(targets=["Austin", "Houston"], minus="Dallas", weights={"Houston": 0.5})
    assert json.loads(asked.stdout) == json.loads(in_python.to_json())
    fails(run("paths", "dallas", "--minus", "Dallas", *["--weight", "Dallas", "2"] * 2), 2, "two weights are given")
    fails(run("paths", "dallas", "--weight", "Austin", "-1"), 1, "It must be a positive number")
