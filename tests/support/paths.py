"""Paths as a graph handle finds them, to be compared with brute force."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st
from support import oracle
from support.examples import example_file

from circuit_atlas import Atlas, GraphHandle

SCORES = ["mean", "sum", "bottleneck", "product"]
Found = list[tuple[float, tuple[int, ...], list[float]]]


@cache
def default_paths(name: str) -> list[oracle.FoundPath]:
    """All paths of up to 4 hops from the tokens to the most probable logit."""
    file = oracle.read_file(example_file(name))
    paths = list(oracle.all_paths(file.edges, file.tokens, [file.top_logit], 4))
    gc.collect()
    gc.freeze()  # there are millions, which Python would look through again and again for garbage
    return paths


def ordinals(handle: GraphHandle, atlas: Atlas) -> dict[str, int]:
    rows = atlas.cypher(
        "MATCH (n:Node {graph: $graph}) RETURN n.key AS key, n.ordinal AS ordinal LIMIT 100000", {"graph": handle.name}
    ).rows
    return {row["key"]: row["ordinal"] for row in rows}


def found_paths(handle: GraphHandle, places: dict[str, int], **question: Any) -> Found:
    answer = handle.paths(**question)
    return [(p.score, tuple(places[n.key] for n in p.nodes), p.weights) for p in answer.paths]


def assert_same(found: Found, expected: Found) -> None:
    assert [nodes for _, nodes, _ in found] == [nodes for _, nodes, _ in expected]
    assert [weights for _, _, weights in found] == [weights for _, _, weights in expected]
    assert [score for score, _, _ in found] == pytest.approx([score for score, _, _ in expected], rel=1e-12)


@st.composite
def random_graphs(draw: st.DrawFn) -> tuple[list[int], list[oracle.Edge]]:
    """Layers of a few nodes (tokens first, a logit last); few distinct weights, so that ties are common."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    layers = [layer for layer, size in enumerate(sizes) for _ in range(size)]
    weights = st.sampled_from([-2.0, -1.0, -0.5, 0.25, 0.5, 1.0, 1.0, 1.5, 3.0])
    pairs = [(s, t) for t in range(len(layers)) for s in range(len(layers)) if layers[s] < layers[t]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    return layers, [(s, t, draw(weights)) for s, t in chosen]
