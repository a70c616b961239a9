"""Answers found by brute force, straight from a file or a list of edges: nothing of the project is used."""

from __future__ import annotations

import gzip
import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Edge = tuple[int, int, float]  # source, target, weight; nodes by their place in the file
FoundPath = tuple[tuple[int, ...], list[float]]  # nodes from source to target, weights


class FilePaths(NamedTuple):
    """What a file says, by place in its list of nodes."""

    node_ids: list[str]
    edges: list[Edge]
    tokens: list[int]
    top_logit: int


def read_document(path: Path) -> dict[str, Any]:
    """The JSON of a graph file, compressed with gzip or not."""
    content = path.read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return document


def read_file(path: Path) -> FilePaths:
    """Nodes and links of a JSON graph without colliding ids."""
    document = read_document(path)
    nodes = document["nodes"]
    place = {node["node_id"]: i for i, node in enumerate(nodes)}
    edges = [(place[link["source"]], place[link["target"]], link["weight"]) for link in document["links"]]
    tokens = [i for i, node in enumerate(nodes) if node["feature_type"] == "embedding"]
    logits = [i for i, node in enumerate(nodes) if node["feature_type"] == "logit"]
    top = max(logits, key=lambda i: (nodes[i]["token_prob"], -i))
    return FilePaths([node["node_id"] for node in nodes], edges, tokens, top)


def all_paths(
    edges: Iterable[Edge],
    sources: Iterable[int],
    targets: Iterable[int],
    max_hops: int,
    *,
    passes: Callable[[int], bool] = lambda _: True,
    min_weight: float = 0.0,
) -> Iterator[FoundPath]:
    """Every path of 1 to `max_hops` hops: nodes from source to target, and weights. Between its ends it has only
    nodes that `passes` accepts."""
    inputs: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for source, target, weight in edges:
        if abs(weight) >= min_weight:
            inputs[target].append((source, weight))
    starts = set(sources)

    def backwards(nodes: tuple[int, ...], weights: tuple[float, ...]) -> Iterator[FoundPath]:
        if weights and nodes[0] in starts:
            yield nodes, list(weights)
        if len(weights) < max_hops and (not weights or passes(nodes[0])):
            for source, weight in inputs[nodes[0]]:
                yield from backwards((source, *nodes), (weight, *weights))

    for target in targets:
        yield from backwards((target,), ())


def input_sums(edges: Iterable[Edge]) -> dict[int, float]:
    """Sum of |weight| of the inputs of every node that has any."""
    sums: dict[int, float] = defaultdict(float)
    for _, target, weight in edges:
        sums[target] += abs(weight)
    return sums


def scorer(score: str, sums: dict[int, float]) -> Callable[[FoundPath], float]:
    """The score of that name, as a function of a path."""
    return {
        "mean": lambda path: math.fsum(path[1]) / len(path[1]),
        "sum": lambda path: math.fsum(path[1]),
        "bottleneck": lambda path: min(path[1]),
        "product": lambda path: math.prod(abs(w) / sums[t] for t, w in zip(path[0][1:], path[1], strict=True)),
    }[score]


def promotes(path: FoundPath) -> bool:
    """Whether an even number of a path's weights is negative."""
    return math.prod(path[1]) > 0


def best_paths(
    paths: Iterable[FoundPath], k: int, sign: int = 1, value: Callable[[FoundPath], float] | None = None
) -> list[tuple[float, tuple[int, ...], list[float]]]:
    """The k best; ties: fewer hops, then node by node from the target back. With sign -1 the weights are negated
    first, and so is the score."""
    value, paths = value or scorer("mean", {}), list(paths)
    scores = [-value((nodes, weights if sign > 0 else [-x for x in weights])) for nodes, weights in paths]
    last = heapq.nsmallest(k, scores)[-1:]  # of those paths whose order is looked at; often a few of a million
    tied = [(score, *path) for score, path in zip(scores, paths, strict=True) if score <= last[0]]
    ranked = sorted(tied, key=lambda path: (path[0], len(path[2]), path[1][::-1]))
    return [(-sign * score, nodes, weights) for score, nodes, weights in ranked[:k]]


def count_by_hops(paths: Iterable[FoundPath], max_hops: int) -> dict[str, int]:
    """Number of paths by number of hops."""
    counts = Counter(len(weights) for _, weights in paths)
    return {str(hops): counts[hops] for hops in range(1, max_hops + 1)}


def collapsed_edges(edges: Iterable[Edge], groups: Iterable[Iterable[int]]) -> dict[tuple[object, object], list[float]]:
    """Share and sum of every link of the graph in which groups of nodes are one, step by step as circuit-tracer's
    `init-cg-subgraph.js` takes them; a node is itself or, in the last group that holds it, ("group", its place)."""
    edges = list(edges)
    owner = {node: ("group", i) for i, group in enumerate(groups) for node in group}
    inputs: dict[int, float] = defaultdict(float)
    outside: dict[int, float] = defaultdict(float)
    weighting: dict[int, float] = defaultdict(float)
    of_group: dict[object, float] = defaultdict(float)
    for source, target, weight in edges:
        inputs[target] += abs(weight)
        outside[target] += abs(weight) if source not in owner or owner[source] != owner.get(target) else 0
    for node, total in inputs.items():
        weighting[node] = outside[node] / total
        of_group[owner.get(node, node)] += weighting[node]
    links: dict[tuple[object, object], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for source, target, weight in edges:
        ends = owner.get(source, source), owner.get(target, target)
        if ends[0] != ends[1]:
            links[ends][0] += weight / outside[target] * (weighting[target] / of_group[ends[1]])
            links[ends][1] += weight
    return links
