"""Answers found by brute force, straight from a file or a list of edges: nothing of the project is used."""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Edge = tuple[int, int, float]  # source, target, weight; nodes by their place in the file


class FilePaths(NamedTuple):
    """What a file says, by place in its list of nodes."""

    node_ids: list[str]
    edges: list[Edge]
    tokens: list[int]
    top_logit: int


def read_file(path: Path) -> FilePaths:
    """Nodes and links of a JSON graph without colliding ids."""
    document = json.loads(path.read_text(encoding="utf-8"))
    nodes = document["nodes"]
    place = {node["node_id"]: i for i, node in enumerate(nodes)}
    edges = [(place[link["source"]], place[link["target"]], link["weight"]) for link in document["links"]]
    tokens = [i for i, node in enumerate(nodes) if node["feature_type"] == "embedding"]
    logits = [i for i, node in enumerate(nodes) if node["feature_type"] == "logit"]
    top = max(logits, key=lambda i: (nodes[i]["token_prob"], -i))
    return FilePaths([node["node_id"] for node in nodes], edges, tokens, top)


def all_paths(
    edges: Iterable[Edge], sources: Iterable[int], targets: Iterable[int], max_hops: int
) -> Iterator[tuple[tuple[int, ...], list[float]]]:
    """Every path of 1 to `max_hops` hops: nodes from source to target, and weights."""
    inputs: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for source, target, weight in edges:
        inputs[target].append((source, weight))
    starts = set(sources)

    def backwards(nodes: tuple[int, ...], weights: tuple[float, ...]) -> Iterator[tuple[tuple[int, ...], list[float]]]:
        if weights and nodes[0] in starts:
            yield nodes, list(weights)
        if len(weights) < max_hops:
            for source, weight in inputs[nodes[0]]:
                yield from backwards((source, *nodes), (weight, *weights))

    for target in targets:
        yield from backwards((target,), ())


def best_paths(
    paths: Iterable[tuple[tuple[int, ...], list[float]]], k: int, sign: int = 1
) -> list[tuple[float, tuple[int, ...], list[float]]]:
    """The k best by mean weight; ties: fewer hops, then node by node from the target back."""
    scored = ((-sign * math.fsum(w) / len(w), len(w), nodes[::-1], w) for nodes, w in paths)
    ranked = heapq.nsmallest(k, scored, key=lambda p: p[:3])
    return [(-sign * score, nodes[::-1], weights) for score, _, nodes, weights in ranked]


def count_by_hops(paths: Iterable[tuple[tuple[int, ...], list[float]]], max_hops: int) -> dict[str, int]:
    """Number of paths by number of hops."""
    counts = Counter(len(weights) for _, weights in paths)
    return {str(hops): counts[hops] for hops in range(1, max_hops + 1)}
