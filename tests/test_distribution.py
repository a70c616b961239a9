"""The spread of scores: exact for few paths, a uniform sample of many."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from support import oracle
from support.examples import EXAMPLES
from support.graphs import make_graph
from support.paths import SCORES, default_paths

from circuit_atlas import GraphHandle
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries import path_arrays
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.path_arrays import sample_paths
from circuit_atlas.queries.path_search import PathSearch
from circuit_atlas.queries.stored_arrays import read_arrays


@pytest.mark.parametrize("score", SCORES)
def test_the_distribution_of_all_paths_is_exact(score: str, examples: dict[str, GraphHandle]) -> None:
    file = oracle.read_file(EXAMPLES / "dallas.json")
    value = oracle.scorer(score, oracle.input_sums(file.edges))
    scores = sorted(value(path) for path in default_paths("dallas") if len(path[1]) <= 2)
    found = examples["dallas"].score_distribution(max_hops=2, score=score)
    assert (found.paths, found.scored, found.seed) == (len(scores), len(scores), None)
    assert found.mean == pytest.approx(np.mean(scores))
    assert found.standard_deviation == pytest.approx(np.std(scores))
    for share, quantile in found.quantiles.items():
        assert quantile == pytest.approx(np.quantile(scores, float(share), method="inverted_cdf"))


@pytest.mark.parametrize("score", SCORES)
def test_the_distribution_of_a_sample_is_near(score: str, examples: dict[str, GraphHandle]) -> None:
    file = oracle.read_file(EXAMPLES / "dallas.json")
    value = oracle.scorer(score, oracle.input_sums(file.edges))
    scores = np.array([value(path) for path in default_paths("dallas")])
    found = examples["dallas"].score_distribution(max_hops=4, score=score, sample=5000, seed=3)
    assert (found.paths, found.scored, found.seed) == (len(scores), 5000, 3)
    assert abs(found.mean - scores.mean()) < 5 * scores.std() / 5000**0.5
    for share, quantile in found.quantiles.items():
        assert abs((scores <= quantile).mean() - float(share)) < 0.03
    assert found == examples["dallas"].score_distribution(max_hops=4, score=score, sample=5000, seed=3)


def test_every_path_has_the_same_chance(atlas: Any, new_name: Any) -> None:
    """Seven paths of which the shortest would be drawn most often by a walk that chooses among inputs."""
    edges = [
        (0, 1, 1.0),
        (0, 2, 2.0),
        (1, 2, 4.0),
        (0, 3, 8.0),
        (1, 3, 16.0),
        (2, 3, 32.0),
        (0, 4, 64.0),
        (3, 4, 128.0),
    ]
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 2, 3, 4], edges), name=name)
    paths = list(oracle.all_paths(edges, [0], [4], 4))
    columns = read_arrays(find_graph(atlas, name))
    drawn = sample_paths(columns, PathSearch([columns.keys[0]], max_hops=4), [columns.keys[4]], size=7000, seed=0)
    counts = Counter(tuple(weights) for weights in drawn.weights)
    assert set(counts) == {tuple(weights) for _, weights in paths}
    expected = 7000 / len(paths)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values())


def test_a_sample_of_restricted_paths_is_uniform(atlas: Any, examples: dict[str, GraphHandle]) -> None:
    """Of the paths of Dallas that inhibit and pass one of two nodes, each is drawn with the same chance."""
    dallas = examples["dallas"]
    question: dict[str, Any] = {
        "sign": "inhibiting",
        "must_pass_any": ["token:9", "feature:20/44686@10"],
        "hops": 2,
        "min_weight": 0.1,
    }
    paths = dallas.paths(k=10_000, **question).paths
    assert len(paths) == dallas.count(**question).total > 20
    stored = find_graph(atlas, "dallas")
    search = PathSearch(
        None,
        min_hops=2,
        max_hops=2,
        sign=-1,
        must_pass=[question["must_pass_any"]],
        min_weight=0.1,
    )
    drawn = sample_paths(read_arrays(stored), search, [stored.logits[0]["key"]], size=200 * len(paths), seed=1)
    counts = Counter(tuple(weights) for weights in drawn.weights)
    assert set(counts) == {tuple(path.weights) for path in paths}
    assert all(abs(count - 200) < 6 * 200**0.5 for count in counts.values())


def test_without_paths_there_is_no_distribution(atlas: Any, examples: dict[str, GraphHandle], new_name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="no path matches"):
        examples["dallas"].score_distribution(sources=["Austin"], targets=["Dallas"])
    with pytest.raises(InvalidArgumentError, match="sample"):
        examples["dallas"].score_distribution(sample=0)
    with pytest.raises(InvalidArgumentError, match="seed cannot be -1"):
        examples["dallas"].score_distribution(seed=-1)


def test_samples_of_a_cyclic_graph_visit_no_node_twice(
    atlas: Any, new_name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the walks drawn, those that come back to a node are left out, and the rest are drawn with equal chances."""
    edges = [(0, 1, 1.0), (0, 2, 2.0), (1, 2, 4.0), (1, 3, 16.0), (2, 1, 8.0), (2, 3, 32.0), (0, 3, 64.0)]
    edges = sorted(edges, key=lambda edge: (edge[1], edge[0]))
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 2, 3], edges), name=name)
    paths = [path for path in oracle.all_paths(edges, [0], [3], 6) if len(set(path[0])) == len(path[0])]
    columns = read_arrays(find_graph(atlas, name))
    drawn = sample_paths(columns, PathSearch(None, max_hops=6), [columns.keys[3]], size=5000, seed=0)
    counts = Counter(tuple(weights) for weights in drawn.weights)
    assert set(counts) == {tuple(weights) for _, weights in paths}
    assert all(abs(count - 1000) < 5 * 1000**0.5 for count in counts.values())
    spread = atlas.graph(name).score_distribution(max_hops=6, sample=3)
    assert (spread.paths, spread.scored) == (len(paths), 3)
    monkeypatch.setattr(path_arrays, "_MAX_STEPS", 2)
    with pytest.raises(InvalidArgumentError, match="too many paths lead through them"):
        atlas.graph(name).count(sources=["token:0"], max_hops=6)


def test_scores_whose_squares_are_too_large_have_a_deviation(atlas: Any, new_name: Any) -> None:
    name = new_name()
    load_graph(atlas, make_graph([0, 0, 1], [(0, 2, 1e200), (1, 2, -1e200)]), name=name)
    found = atlas.graph(name).score_distribution(score="sum")
    assert (found.mean, found.standard_deviation) == (0.0, 1e200)


def test_a_path_whose_product_is_too_small_for_a_number_is_found(atlas: Any, new_name: Any) -> None:
    name = new_name()
    load_graph(atlas, make_graph([0, 0, 1, 2], [(0, 2, 1e-300), (1, 2, 1e30), (2, 3, 1.0)]), name=name)
    graph = atlas.graph(name)
    found = graph.score_distribution(score="product", sources=["token:0"])
    assert (found.paths, found.scored) == (1, 1)
    assert found.mean < 1e-300
    [path] = graph.paths(score="product", sources=["token:0"])
    assert [node.key for node in path.nodes] == ["token:0", "feature:1/2@2", "logit:3@3"]
