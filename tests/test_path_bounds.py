"""Path search where the bounds made at ingest do not serve, or shortlists do: must-pass nodes, edge values, cycles,
kept tables, nodes of many inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import oracle
from support.graphs import edge_list, make_graph
from support.paths import Found, assert_same, found_paths, ordinals, random_graphs

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.table_rows import in_blocks
from circuit_atlas.ingest import load_graph
from circuit_atlas.ingest.delete import remove_graph
from circuit_atlas.queries import path_bounds
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.path_search import PathSearch
from circuit_atlas.schema.limits import ORDERS, SHORTLISTED_PATHS, SIGNS
from circuit_atlas.synth import Shape, synthesize

PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLES = """
MATCH (b:PathBounds {graph: $graph}) WHERE b.sources <> 'tokens' AND b.sign IS NOT NULL AND b.hops >= 0 AND b.block >= 0
RETURN count(DISTINCT [b.sources, b.sign]) AS n
"""


def store(atlas: Atlas, name: str, layers: list[int], edges: list[oracle.Edge]) -> tuple[GraphHandle, dict[str, int]]:
    load_graph(atlas, make_graph(layers, edges), name=name)
    return atlas.graph(name), ordinals(atlas.graph(name), atlas)


def simple(paths: list[oracle.FoundPath]) -> list[oracle.FoundPath]:
    return [(nodes, weights) for nodes, weights in paths if len(set(nodes)) == len(nodes)]


@PROPERTY
@given(graph=random_graphs(), k=st.integers(1, 8), max_hops=st.integers(1, 6), data=st.data())
def test_paths_that_pass_given_nodes(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    max_hops: int,
    data: st.DataObject,
    atlas: Atlas,
    new_name: Callable[[], str],
) -> None:
    layers, edges = graph
    handle, places = store(atlas, new_name(), layers, edges)
    key_of = {place: key for key, place in places.items()}
    anywhere = st.sampled_from(range(len(layers)))
    must = data.draw(st.sets(anywhere, min_size=1, max_size=3), label="must_pass")
    target = data.draw(anywhere, label="target")
    avoid = data.draw(st.sets(anywhere, max_size=2), label="avoid") - must - {target}
    tokens = [i for i, layer in enumerate(layers) if layer == 0 and i not in avoid]
    paths = oracle.all_paths(edges, tokens, [target], max_hops, passes=lambda i: i not in avoid)
    expected = oracle.best_paths([path for path in paths if must <= set(path[0])], k)
    found = found_paths(
        handle,
        places,
        k=k,
        max_hops=max_hops,
        targets=[key_of[target]],
        must_pass=[key_of[i] for i in must],
        avoid=[key_of[i] for i in avoid],
    )
    assert_same(found, expected)
    remove_graph(atlas, handle.name)


@st.composite
def graphs_with_cycles(draw: st.DrawFn) -> tuple[list[int], list[oracle.Edge]]:
    layers, edges = draw(random_graphs())
    n = len(layers)
    more = draw(st.lists(st.tuples(st.integers(1, n - 1), st.integers(1, n - 1)), max_size=4, unique=True))
    known = {edge[:2] for edge in edges}
    return layers, edges + [(s, t, draw(st.sampled_from([-1.0, 1.0, 2.0]))) for s, t in more if (s, t) not in known]


@PROPERTY
@given(
    graph=graphs_with_cycles(),
    k=st.integers(1, 6),
    max_hops=st.integers(1, 5),
    score=st.sampled_from(["mean", "sum", "bottleneck"]),
    order=st.sampled_from(["strongest", "inhibiting"]),
    sign=st.sampled_from(["any", "promoting", "inhibiting"]),
    data=st.data(),
)
def test_in_a_graph_with_cycles_a_path_visits_no_node_twice(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    max_hops: int,
    score: str,
    order: str,
    sign: str,
    data: st.DataObject,
    atlas: Atlas,
    new_name: Callable[[], str],
) -> None:
    layers, edges = graph
    handle, places = store(atlas, new_name(), layers, edges)
    key_of = {place: key for key, place in places.items()}
    any_of = data.draw(st.sets(st.sampled_from(range(len(layers))), max_size=2), label="must_pass_any")
    min_weight = data.draw(st.sampled_from([0.0, 1.0]), label="min_weight")
    must = data.draw(st.sets(st.sampled_from(range(len(layers))), max_size=1), label="must_pass")
    tokens = [i for i, layer in enumerate(layers) if layer == 0]
    paths = simple(list(oracle.all_paths(edges, tokens, [len(layers) - 1], max_hops)))
    question: dict[str, Any] = {
        "max_hops": max_hops,
        "sign": sign,
        "must_pass": [key_of[i] for i in must],
        "must_pass_any": [key_of[i] for i in any_of],
        "min_weight": min_weight,
    }
    found = found_paths(handle, places, k=k, score=score, order=order, **question)
    through = [
        path
        for path in paths
        if must <= set(path[0])
        and (not any_of or any_of & set(path[0]))
        and (sign == "any" or oracle.promotes(path) == (sign == "promoting"))
        and min(map(abs, path[1])) >= min_weight
    ]
    value = oracle.scorer(score, {})
    assert_same(found, oracle.best_paths(through, k, 1 if order == "strongest" else -1, value))
    assert handle.count(**question).counts == oracle.count_by_hops(through, max_hops)
    assert handle.count(max_hops=max_hops).counts == oracle.count_by_hops(paths, max_hops)
    remove_graph(atlas, handle.name)


@PROPERTY
@given(
    graph=random_graphs(),
    k=st.integers(1, 8),
    score=st.sampled_from(["mean", "sum", "bottleneck"]),
    sign=st.sampled_from(["any", "promoting", "inhibiting"]),
    min_weight=st.sampled_from([0.0, 1.0]),
)
def test_edges_can_be_valued_by_an_expression(
    graph: tuple[list[int], list[oracle.Edge]],
    k: int,
    score: str,
    sign: str,
    min_weight: float,
    atlas: Atlas,
    new_name: Callable[[], str],
) -> None:
    """Restrictions are about the weights all the same."""
    layers, edges = graph
    handle, places = store(atlas, new_name(), layers, edges)
    sums = oracle.input_sums(edges)
    valued = [(s, t, max(2 * abs(w), 1.5) + sums[t] - s / 2) for s, t, w in edges]
    tokens = [i for i, layer in enumerate(layers) if layer == 0]
    weight = {(s, t): w for s, t, w in edges}
    paths = []
    for nodes, values in oracle.all_paths(valued, tokens, [len(layers) - 1], 4):
        weights = [weight[pair] for pair in zip(nodes, nodes[1:], strict=False)]
        fits = sign == "any" or oracle.promotes((nodes, weights)) == (sign == "promoting")
        if fits and min(map(abs, weights)) >= min_weight:
            paths.append((nodes, values))
    expression = "greatest(2 * abs(weight), 1.5) + input_sum - source.ordinal / 2 // a comment"
    found = found_paths(handle, places, k=k, score=score, edge_value=expression, sign=sign, min_weight=min_weight)
    best = oracle.best_paths(paths, k, 1, oracle.scorer(score, {}))
    assert [score for score, _, _ in found] == pytest.approx([score for score, _, _ in best], rel=1e-12)
    assert [nodes for _, nodes, _ in found] == [nodes for _, nodes, _ in best]
    for _, nodes, weights in found:
        assert weights == [weight[pair] for pair in zip(nodes, nodes[1:], strict=False)]
    keys = {place: key for key, place in places.items()}
    asked = [[keys[i] for i in nodes] for _, nodes, _ in found]
    if asked:
        again = handle.score(*asked, score=score, edge_value=expression)
        assert [path.score for path in again.paths] == pytest.approx([score for score, _, _ in found], rel=1e-12)
    remove_graph(atlas, handle.name)


def test_expressions_that_are_no_numbers_are_refused(examples: dict[str, GraphHandle]) -> None:
    dallas = examples["dallas"]
    path = [node.key for node in dallas.paths(k=1).paths[0].nodes]
    for wrong, problem in (
        ("source.layer", "a number"),
        ("1.0 / 0.0", "finite"),
        ("CASE WHEN weight > 1000 THEN 1.0 END", "a number"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"must be {problem} for every edge"):
            dallas.paths(edge_value=wrong)
        with pytest.raises(InvalidArgumentError, match=f"must be {problem} for every edge"):
            dallas.score(path, edge_value=wrong)
    for ask in (dallas.paths, partial(dallas.score, path)):
        with pytest.raises(InvalidArgumentError, match="unknown name"):
            ask(edge_value="wait")
    with pytest.raises(InvalidArgumentError, match="with the score `product`"):
        dallas.paths(edge_value="weight", score="product")


@pytest.mark.parametrize("score", ["mean", "bottleneck", "product"])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("sign", [0, 1])
def test_the_bounds_of_the_catalogue_are_those_of_numpy(
    score: str, order: int, sign: int, atlas: Atlas, examples: dict[str, GraphHandle]
) -> None:
    """What Neo4j Browser computes by paths.bounds is what is computed here in numpy."""
    question: dict[str, Any] = {
        "sources": ["token:9", "feature:20/44686@10", "token:3"],
        "score": score,
        "max_hops": 5,
        "kinds": ["feature", "token"],
        "layers": list(range(21)),
        "avoid": ["feature:20/44686@10"],
        "min_weight": 0.1,
    }
    found = path_bounds.search_tables(find_graph(atlas, "dallas"), PathSearch(order=order, sign=sign, **question))
    own = [in_blocks(level) for table in np.split(found.tables[0], 1 + sign, axis=1) for level in table]
    rows = atlas.query("paths.bounds", {"graph": "dallas", "order": order, "signed": sign != 0, **question}).rows
    theirs = rows[0]["bounds"]
    assert len(own) == len(theirs) == 6 * (1 + sign)
    for mine, their in zip(own, theirs, strict=False):
        assert [len(block) for block in mine] == [len(block) for block in their]
        assert np.allclose(np.concatenate(mine), np.concatenate(their), rtol=1e-12)
    assert all(value == -math.inf for level in theirs[len(own) :] for block in level for value in block)


@pytest.mark.parametrize("sign", [1, -1])
def test_signed_bounds_of_the_catalogue_serve_its_search(
    sign: int, atlas: Atlas, examples: dict[str, GraphHandle]
) -> None:
    """What a person can paste into Neo4j Browser finds what `paths` finds."""
    tokens = [f"token:{i}" for i in range(11)]
    bounds = atlas.query(
        "paths.bounds", {"graph": "dallas", "sources": tokens, "score": "product", "signed": True, "max_hops": 3}
    ).rows[0]["bounds"]
    question: dict[str, Any] = {"graph": "dallas", "targets": ["logit:22605@10"], "score": "product", "max_hops": 3}
    rows = atlas.query("paths.top_k", {"bounds": bounds, "sign": sign, "min_hops": 2, "k": 20, **question}).rows
    which = "promoting" if sign == 1 else "inhibiting"
    paths = examples["dallas"].paths(score="product", sign=which, min_hops=2, max_hops=3, k=20).paths
    assert [row["weights"] for row in rows] == [path.weights for path in paths]
    assert [row["score"] for row in rows] == pytest.approx([path.score for path in paths], rel=1e-9)


@pytest.mark.parametrize("sign", ["any", "promoting", "inhibiting"])
@pytest.mark.parametrize(("score", "order"), [(s, o) for s in ("mean", "sum", "bottleneck") for o in ORDERS])
def test_the_search_of_the_catalogue_takes_any_bounds(
    score: str, order: str, sign: str, atlas: Atlas, examples: dict[str, GraphHandle]
) -> None:
    """Also with ties, and with a least weight: what Python looks for in columns, Neo4j Browser finds by paths.top_k."""
    question: dict[str, Any] = {"graph": "dallas", "score": score, "order": ORDERS[order], "max_hops": 3}
    question |= {"min_weight": 0.5}
    sources, number = ["token:9", "token:3", "feature:0/5200@10"], SIGNS[sign]
    bounds = atlas.query("paths.bounds", {"sources": sources, "signed": number != 0, **question}).rows[0]["bounds"]
    asked = {"targets": ["logit:22605@10", "logit:26865@10"], "bounds": bounds, "sign": number, "k": 70, **question}
    rows = atlas.query("paths.top_k", asked).rows
    found = examples["dallas"].paths(
        sources=sources, targets=asked["targets"], score=score, order=order, sign=sign, max_hops=3, min_weight=0.5, k=70
    )
    assert [[node["key"] for node in row["nodes"]] for row in rows] == [[n.key for n in path.nodes] for path in found]
    assert [row["score"] for row in rows] == pytest.approx([path.score for path in found], rel=1e-12)
    assert rows


@pytest.mark.parametrize("large", [2.0**20, 1e10])
def test_paths_whose_large_effects_cancel_are_found(large: float, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """By the search of the database, from all tokens, and by the one in columns; and a score of 0 has no sign."""
    edges = [(0, 1, large), (1, 2, -large), (2, 3, 0.25), (0, 4, 1.0), (4, 5, -1.0)]
    handle, places = store(atlas, new_name(), [0, 1, 2, 3, 1, 2], edges)
    keys = {place: key for key, place in places.items()}
    questions: list[dict[str, Any]] = [{}, {"sources": [keys[0]]}]
    for asked in questions:
        [found] = found_paths(handle, places, targets=[keys[3]], score="sum", k=1, **asked)
        assert found == (0.25, (0, 1, 2, 3), [large, -large, 0.25])
        [zero] = handle.paths(targets=[keys[5]], score="sum", order="inhibiting", k=1, **asked)
        assert str(zero.score) == "0.0"
    for value in ("1e308", "-1e308"):
        for ask in (handle.paths, partial(handle.score, [keys[0], keys[1], keys[2]])):
            with pytest.raises(InvalidArgumentError, match="at most 1e"):
                ask(edge_value=value)


def test_too_many_nodes_to_pass_are_refused(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    groups = [["token:0", f"token:{i}"] for i in range(1, 9)]
    with pytest.raises(InvalidArgumentError, match="too many possible orders"):
        path_bounds.search_tables(find_graph(atlas, "dallas"), PathSearch(None, max_hops=4, must_pass=groups))


@pytest.fixture(scope="module")
def wide(atlas: Atlas) -> Any:
    """A graph whose nodes have more inputs than a shortlist, with ties; and its edges."""
    data = synthesize(Shape(layers=4, positions=2, features_per_layer=90, logits=2, weights="coarse", seed=5))
    load_graph(atlas, data, name="wide")
    yield atlas.graph("wide"), edge_list(data.edges)
    atlas.delete("wide")


@pytest.mark.parametrize("order", ["strongest", "inhibiting"])
def test_shortlists_change_no_answer(order: str, wide: Any, atlas: Atlas) -> None:
    handle, edges = wide
    places = ordinals(handle, atlas)
    logit = places[handle.stats().logits[0].node.key]
    tokens = [place for key, place in places.items() if key.startswith("token")]
    paths = list(oracle.all_paths(edges, tokens, [logit], 3))
    best = oracle.best_paths(paths, 2000, 1 if order == "strongest" else -1)
    for k in (1, 10, SHORTLISTED_PATHS, SHORTLISTED_PATHS + 1, 500, 2000):
        assert_same(found_paths(handle, places, k=k, max_hops=3, order=order), best[:k])


@pytest.mark.parametrize("score", ["mean", "bottleneck", "product"])
def test_restricted_searches_of_a_wide_graph_are_exact(score: str, wide: Any, atlas: Atlas) -> None:
    """They store nothing."""
    handle, edges = wide
    places = ordinals(handle, atlas)
    logits = [logit.node.key for logit in handle.stats().logits]
    features = [key for key in places if key.startswith("feature:1/")][:90]
    allowed = {places[key] for key in features} | {places[key] for key in places if key.startswith("feature:0/")}
    before = atlas.cypher(TABLES, {"graph": "wide"}).rows[0]["n"]
    value = oracle.scorer(score, oracle.input_sums(edges))
    for targets, max_hops, k in ((logits[:1], 3, 20), (logits[1:], 2, 5), (logits, 3, 300)):
        found = found_paths(
            handle,
            places,
            sources=["token:1"],
            targets=targets,
            max_hops=max_hops,
            k=k,
            score=score,
            layers=[0, 1],
            kinds=["feature"],
        )
        goals = [places[key] for key in targets]
        paths = list(oracle.all_paths(edges, [places["token:1"]], goals, max_hops, passes=allowed.__contains__))
        expected = oracle.best_paths(paths, k, 1, value)
        assert [s for s, _, _ in found] == pytest.approx([s for s, _, _ in expected], rel=1e-12)
    assert atlas.cypher(TABLES, {"graph": "wide"}).rows[0]["n"] == before


def test_too_many_walks_around_a_cycle_are_refused(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from circuit_atlas.queries import paths

    monkeypatch.setattr(paths, "MAX_WALKS", 50)
    edges = [(0, 1, 1.0), (1, 2, 9.0), (2, 1, 9.0), (2, 3, 1.0)]
    handle, places = store(atlas, new_name(), [0, 1, 2, 3], edges)
    best: Found = [(11 / 3, (0, 1, 2, 3), [1.0, 9.0, 1.0])]
    assert_same(found_paths(handle, places, max_hops=12), best)
    with monkeypatch.context() as patched:
        patched.setattr(paths, "_MANY", 45)  # paths; more of them are found in the columns
        assert_same(found_paths(handle, places, max_hops=12), best)
    tangled = [(0, 1, 1.0), *((s, t, 9.0) for s in range(1, 5) for t in range(1, 5) if s != t), (1, 5, 1.0)]
    handle, places = store(atlas, new_name(), [0, 1, 1, 1, 1, 2], tangled)
    with pytest.raises(InvalidArgumentError, match="has a cycle"):
        handle.paths(max_hops=12)
