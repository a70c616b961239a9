"""Path search, counts and scores equal brute force: on all real graphs, and on random ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import oracle
from support.examples import ANALOGIES, EXAMPLES, NAMES, example_file
from support.graphs import make_graph
from support.paths import SCORES, Found, assert_same, default_paths, found_paths, ordinals, random_graphs

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.ingest import load_graph
from circuit_atlas.ingest.delete import remove_graph


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ["strongest", "inhibiting"])
def test_best_paths_of_real_graphs_equal_brute_force(
    name: str, order: str, examples: dict[str, GraphHandle], atlas: Atlas
) -> None:
    handle = examples[name]
    places = ordinals(handle, atlas)
    sign = 1 if order == "strongest" else -1
    paths = default_paths(name)
    best = oracle.best_paths(paths, 500, sign)
    for k in (1, 10, 500):
        assert_same(found_paths(handle, places, k=k, order=order), best[:k])
    short = [path for path in paths if len(path[1]) <= 2]
    assert_same(found_paths(handle, places, max_hops=2, order=order), oracle.best_paths(short, 10, sign))


def strongest(atlas: Atlas, places: dict[str, int], graph: str, **question: Any) -> Found:
    """What the catalogue's plain search finds."""
    rows = atlas.query("paths.strongest", {"graph": graph, **question}).rows
    return [(row["score"], tuple(places[node["key"]] for node in row["nodes"]), row["weights"]) for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_search_finds_the_same(name: str, examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    handle = examples[name]
    places = ordinals(handle, atlas)
    target = handle.stats().logits[0].node.key
    best = oracle.best_paths(default_paths(name), 100)
    for k in (1, 10, 100):
        assert_same(strongest(atlas, places, name, targets=[target], k=k), best[:k])
    for max_hops in (1, 2, 6):
        found = strongest(atlas, places, name, targets=[target], max_hops=max_hops)
        assert found == found_paths(handle, places, max_hops=max_hops)
    targets = [target, "feature:20/44686@10"] if name == "dallas" else [target]
    assert strongest(atlas, places, name, targets=targets) == found_paths(handle, places, targets=targets)


@pytest.mark.parametrize("name", NAMES)
def test_counts_of_real_graphs_equal_brute_force(name: str, examples: dict[str, GraphHandle]) -> None:
    paths = default_paths(name)
    answer = examples[name].count(max_hops=4)
    assert answer.counts == oracle.count_by_hops(paths, 4)
    assert answer.total == sum(answer.counts.values())


@pytest.mark.parametrize("name", ["dallas", "dallas-haiku"])
def test_paths_between_chosen_nodes_equal_brute_force(
    name: str, examples: dict[str, GraphHandle], atlas: Atlas
) -> None:
    handle, file = examples[name], oracle.read_file(example_file(name))
    places = ordinals(handle, atlas)
    key_of = {place: key for key, place in places.items()}
    rng = np.random.default_rng(7)
    for _ in range(4):
        sources = rng.choice(len(places), 3, replace=False).tolist()
        targets = rng.choice(len(places), 2, replace=False).tolist()
        paths = list(oracle.all_paths(file.edges, sources, targets, 4))
        question: dict[str, Any] = {
            "sources": [key_of[i] for i in sources],
            "targets": [key_of[i] for i in targets],
        }
        assert_same(found_paths(handle, places, k=50, **question), oracle.best_paths(paths, 50))
        assert handle.count(**question).counts == oracle.count_by_hops(paths, 4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=random_graphs(),
    k=st.one_of(st.integers(1, 12), st.sampled_from([100, 1001])),  # many are found in columns
    max_hops=st.integers(1, 6),
    order=st.sampled_from(["strongest", "inhibiting"]),
    data=st.data(),
)
def test_paths_of_random_graphs_equal_brute_force(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    max_hops: int,
    order: str,
    data: st.DataObject,
    atlas: Atlas,
    new_name: Callable[[], str],
) -> None:
    layers, edges = graph
    name = new_name()
    load_graph(atlas, make_graph(layers, edges), name=name)
    handle = atlas.graph(name)
    places = ordinals(handle, atlas)
    key_of = {place: key for key, place in places.items()}
    tokens = [i for i, layer in enumerate(layers) if layer == 0]
    target = data.draw(st.integers(0, len(layers) - 1), label="target")
    sources = data.draw(st.one_of(st.none(), st.sets(st.sampled_from(range(len(layers))), min_size=1)), label="sources")
    sign = 1 if order == "strongest" else -1
    paths = list(oracle.all_paths(edges, tokens if sources is None else sources, [target], max_hops))
    question: dict[str, Any] = {"targets": [key_of[target]], "max_hops": max_hops}
    if sources is not None:
        question["sources"] = [key_of[i] for i in sorted(sources)]
    assert_same(found_paths(handle, places, k=k, order=order, **question), oracle.best_paths(paths, k, sign))
    assert handle.count(**question).counts == oracle.count_by_hops(paths, max_hops)
    if sources is None and order == "strongest":
        assert_same(strongest(atlas, places, name, k=k, **question), oracle.best_paths(paths, k))
    remove_graph(atlas, name)


def test_the_least_weight_is_not_rounded_to_the_precision_of_the_weights(
    atlas: Atlas, new_name: Callable[[], str]
) -> None:
    """The float32 next to 0.7 is less than 0.7. Few paths are found in Neo4j, many in columns; counts are in both."""
    below = float(np.float32(0.7))
    graph = make_graph([0, 0, 1, 1, 2], [(0, 2, below), (2, 4, 5.0), (1, 3, 1.0), (3, 4, 1.0)])
    name = new_name()
    load_graph(atlas, graph, name=name)
    handle = atlas.graph(name)
    for min_weight, expected in ((0.7, [1.0]), (below, [(5 + below) / 2, 1.0])):
        for k in (1, 2, 10, 1000):
            found = handle.paths(k=k, min_weight=min_weight).paths
            assert [path.score for path in found] == pytest.approx(expected[:k])
        assert handle.count(min_weight=min_weight).total == len(expected)
        assert handle.score_distribution(sample=1, min_weight=min_weight).paths == len(expected)


def assert_as_good(found: Found, paths: list[oracle.FoundPath], k: int, sign: int, value: Any) -> None:
    """The same scores as brute force, each that of its path. Products are compared by value alone: their last
    digit depends on the order of multiplication, and with it the order among ties."""
    expected = oracle.best_paths(paths, k, sign, value)
    assert [score for score, _, _ in found] == pytest.approx([score for score, _, _ in expected], rel=1e-9)
    known = dict(paths)
    assert len({nodes for _, nodes, _ in found}) == len(found)
    for score, nodes, weights in found:
        assert known[nodes] == weights
        assert sign * value((nodes, [sign * w for w in weights])) == pytest.approx(score, rel=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=random_graphs(),
    k=st.one_of(st.integers(1, 12), st.sampled_from([100, 1001])),  # many are found in columns
    max_hops=st.integers(1, 6),
    score=st.sampled_from(SCORES),
    order=st.sampled_from(["strongest", "inhibiting"]),
    data=st.data(),
)
def test_restricted_paths_of_random_graphs_equal_brute_force(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    max_hops: int,
    score: str,
    order: str,
    data: st.DataObject,
    atlas: Atlas,
    new_name: Callable[[], str],
) -> None:
    """Also their number, by number of hops, and the spread of their scores."""
    layers, edges = graph
    order = "strongest" if score == "product" else order
    name = new_name()
    load_graph(atlas, make_graph(layers, edges), name=name)
    handle = atlas.graph(name)
    places = ordinals(handle, atlas)
    key_of = {place: key for key, place in places.items()}
    everywhere = st.sets(st.integers(0, len(layers) - 1), max_size=3)
    avoid, positions = data.draw(everywhere, label="avoid"), data.draw(everywhere, label="positions")
    in_layers = data.draw(st.sets(st.integers(0, max(layers)), max_size=3), label="layers")
    kinds = data.draw(st.sets(st.sampled_from(["token", "feature", "logit"]), max_size=2), label="kinds")
    min_weight = data.draw(st.sampled_from([0.0, 0.5, 1.0, 2.0]), label="min_weight")
    min_hops = data.draw(st.integers(1, max_hops), label="min_hops")
    path_sign = data.draw(st.sampled_from(["any", "promoting", "inhibiting"]), label="sign")
    must_pass = data.draw(everywhere, label="must_pass")
    any_of = data.draw(everywhere, label="must_pass_any")

    def passes(i: int) -> bool:
        kind = key_of[i].partition(":")[0]
        layer = layers[i] if kind == "feature" else None
        return (
            i not in avoid
            and (not positions or i in positions)
            and (not in_layers or layer in in_layers)
            and (not kinds or kind in kinds)
        )

    tokens = [i for i, layer in enumerate(layers) if layer == 0 and i not in avoid]
    targets = sorted(data.draw(st.sets(st.integers(0, len(layers) - 1), min_size=1, max_size=3), label="targets"))
    sign = 1 if order == "strongest" else -1
    paths = [
        path
        for path in oracle.all_paths(edges, tokens, targets, max_hops, passes=passes, min_weight=min_weight)
        if len(path[1]) >= min_hops
        and (path_sign == "any" or oracle.promotes(path) == (path_sign == "promoting"))
        and must_pass <= set(path[0])
        and (not any_of or any_of & set(path[0]))
    ]
    question: dict[str, Any] = {
        "max_hops": max_hops,
        "min_hops": min_hops,
        "sign": path_sign,
        "targets": [key_of[i] for i in targets],
        "avoid": [key_of[i] for i in avoid],
        "must_pass": [key_of[i] for i in must_pass],
        "must_pass_any": [key_of[i] for i in any_of],
        "positions": sorted(positions),
        "layers": sorted(in_layers),
        "kinds": sorted(kinds),
        "min_weight": min_weight,
    }
    groups = [{i} for i in must_pass] + ([any_of] if any_of else [])
    can_pass = all(any(passes(i) or i in tokens or i in targets for i in group) for group in groups)
    if avoid & set(targets) or not can_pass:
        refusal = "is both an end of the paths" if avoid & set(targets) else "as required: (it is|they are)"
        for ask in (handle.paths, handle.count, handle.score_distribution):
            with pytest.raises(InvalidArgumentError, match=refusal):
                ask(**question)
        return
    found = found_paths(handle, places, k=k, order=order, score=score, **question)
    of_size = oracle.scorer(score, oracle.input_sums(edges))
    turned = -1 if score == "product" and path_sign == "inhibiting" else 1
    assert_as_good(
        [(turned * found_score, nodes, weights) for found_score, nodes, weights in found], paths, k, sign, of_size
    )
    if score != "product":
        assert_same(found, oracle.best_paths(paths, k, sign, of_size))
    counts = oracle.count_by_hops(paths, max_hops)
    expected = {hops: number for hops, number in counts.items() if int(hops) >= min_hops}
    assert handle.count(**question).counts == expected
    if paths:
        scores = sorted(turned * of_size(path) for path in paths)
        spread = handle.score_distribution(score=score, **question)
        assert spread.paths == len(paths)
        assert spread.quantiles["0.0"] == pytest.approx(scores[0])
        drawn = handle.score_distribution(score=score, sample=1, **question)
        assert any(drawn.mean == pytest.approx(score) for score in scores)
    remove_graph(atlas, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("score", ["sum", "bottleneck", "product"])
def test_every_score_on_real_graphs_equals_brute_force(
    name: str, score: str, examples: dict[str, GraphHandle], atlas: Atlas
) -> None:
    handle, file = examples[name], oracle.read_file(example_file(name))
    places = ordinals(handle, atlas)
    paths = [path for path in default_paths(name) if len(path[1]) <= 3]
    value = oracle.scorer(score, oracle.input_sums(file.edges))
    found = found_paths(handle, places, k=100, max_hops=3, score=score)
    assert_as_good(found, paths, 100, 1, value)
    again = handle.score(*[[n.key for n in p.nodes] for p in handle.paths(k=20, score=score).paths], score=score)
    assert [p.score for p in again.paths] == pytest.approx(
        [p.score for p in handle.paths(k=20, score=score).paths], rel=1e-12
    )


def test_stored_counts_go_beyond_64_bits(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """12 full layers of 50 nodes: 50^11 paths of 12 hops, more than 2^62."""
    layers = [0] * 50 + [layer for layer in range(1, 12) for _ in range(50)] + [12]
    edges = [(s, t, 1.0) for t in range(len(layers)) for s in range(len(layers)) if layers[t] - layers[s] == 1]
    name = new_name()
    load_graph(atlas, make_graph(layers, edges), name=name)
    answer = atlas.graph(name).count(max_hops=12)
    assert answer.counts["12"] == 50**12
    assert 50**12 > 2**63
    assert answer.total == 50**12


def test_given_paths_are_scored(examples: dict[str, GraphHandle]) -> None:
    best = examples["dallas"].paths(k=20)
    again = examples["dallas"].score(*[[node.key for node in path.nodes] for path in best.paths])
    assert again == best
    with pytest.raises(InvalidArgumentError, match=r"no direct effect of token:9 on token:8"):
        examples["dallas"].score(["token:9", "token:8"])
    with pytest.raises(InvalidArgumentError, match="at least two nodes"):
        examples["dallas"].score(["token:9"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", ["promoting", "inhibiting"])
def test_signed_products_on_real_graphs_equal_brute_force(
    name: str, sign: str, examples: dict[str, GraphHandle], atlas: Atlas
) -> None:
    handle, file = examples[name], oracle.read_file(example_file(name))
    places = ordinals(handle, atlas)
    promoting = sign == "promoting"
    paths = [path for path in default_paths(name) if oracle.promotes(path) == promoting]
    value = oracle.scorer("product", oracle.input_sums(file.edges))
    found = found_paths(handle, places, k=200, score="product", sign=sign)
    assert all((score > 0) == promoting for score, *_ in found)
    assert_as_good([(abs(score), nodes, weights) for score, nodes, weights in found], paths, 200, 1, value)
    assert handle.count(sign=sign).counts == oracle.count_by_hops(paths, 4)
    longer = [path for path in paths if len(path[1]) >= 3]
    found = found_paths(handle, places, k=20, score="mean", sign=sign, min_hops=3)
    assert_same(found, oracle.best_paths(longer, 20))


def test_what_promotes_austin_ends_in_no_inhibiting_step(examples: dict[str, GraphHandle]) -> None:
    """Dallas -> Texas -(-0.703)-> Austin is third by size, and first among what inhibits."""
    question: dict[str, Any] = {"score": "product", "k": 3}
    assert str(examples["dallas"].paths(**question).paths[2]).endswith("Texas (0@9) --(-0.703)--> Austin")
    promoting = examples["dallas"].paths(sign="promoting", **question).paths
    assert [path.weights[-1] > 0 for path in promoting] == [True] * 3
    assert str(examples["dallas"].paths(sign="inhibiting", **question).paths[0]).endswith(
        "Texas (0@9) --(-0.703)--> Austin"
    )


def test_a_feature_without_a_position_is_any_of_its_activations(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    handle = examples["dallas"]
    rows = atlas.cypher(
        "MATCH (n:Feature {graph: 'dallas'}) WHERE n.key IS NOT NULL WITH split(n.key, '@')[0] AS feature, "
        "collect(n.key) AS keys WHERE size(keys) > 2 RETURN feature, keys ORDER BY size(keys) DESC LIMIT 3"
    ).rows
    places, everything = ordinals(handle, atlas), default_paths("dallas")
    for row in rows:
        nodes = {places[key] for key in row["keys"]}
        through = [path for path in everything if nodes & set(path[0])]
        for address in (row["feature"], row["feature"].removeprefix("feature:")):
            assert_same(found_paths(handle, places, k=50, must_pass=[address]), oracle.best_paths(through, 50))
            assert handle.count(must_pass=[address]).total == len(through)
            assert handle.count(avoid=[address]).total == len(everything) - len(through)
        assert handle.count(must_pass_any=row["keys"]).total == len(through)


def test_the_notebooks_two_hop_paths(examples: dict[str, GraphHandle]) -> None:
    """The best path of the notebook's kind, read by a person."""
    best = examples["dallas"].paths(sources=["Dallas"], targets=["Austin"], max_hops=2, k=1).paths[0]
    assert str(best) == "Dallas (token@9) --(4.66)--> Austin"
    assert best.score == 4.65625


def test_path_searches_out_of_range_are_refused(
    examples: dict[str, GraphHandle], atlas: Atlas, new_name: Callable[[], str]
) -> None:
    dallas = examples["dallas"]
    for wrong in (
        {"max_hops": 0},
        {"max_hops": 13},
        {"k": 0},
        {"k": 10_001},
        {"order": "best"},
        {"score": "median"},
        {"score": "product", "order": "inhibiting"},
        {"sign": "positive"},
        {"min_hops": 0},
        {"min_hops": 5},
        {"hops": 13},
        {"hops": 2, "max_hops": 3},
        {"hops": 2, "min_hops": 3},
        {"min_weight": -1.0},
        {"kinds": ["thing"]},
    ):
        with pytest.raises(InvalidArgumentError):
            dallas.paths(**wrong)
    with pytest.raises(NodeNotFoundError):
        dallas.paths(sources=["Paris"])
    name = new_name()
    load_graph(atlas, make_graph([0, 1], [(0, 1, 1.0)], logit=False), name=name)
    with pytest.raises(InvalidArgumentError, match="no logits"):
        atlas.graph(name).paths()
    with pytest.raises(GraphNotFoundError):
        atlas.graph("no such graph")


def test_every_file_of_the_examples_is_asked_about() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == {name for name in NAMES if name not in ANALOGIES}


def test_positions_are_counted_from_the_end_too(examples: dict[str, GraphHandle]) -> None:
    dallas = examples["dallas"]
    assert dallas.paths(positions=[-1, -3]) == dallas.paths(positions=[10, 8]) != dallas.paths(positions=[9])
    assert dallas.paths(positions="-1").paths == dallas.paths(positions=10).paths  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="position cannot be -12\n.*0 to 10, or -11 to -1"):
        dallas.paths(positions=[-12])
    with pytest.raises(InvalidArgumentError, match="layer cannot be -1"):
        dallas.paths(layers=[-1])
    with pytest.raises(InvalidArgumentError, match="layer cannot be -1"):
        dallas.neighbors("Austin", layers=[-1])
