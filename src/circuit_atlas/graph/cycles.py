"""Exact numbers of paths in a graph with cycles: where no cycle leads, by the recurrence of `counts`, and by walking
only inside the components that cycles tie together, which a path enters and leaves once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from circuit_atlas.graph.bounds import Bool
from circuit_atlas.graph.counts import as_integers, as_limbs, next_counts
from circuit_atlas.graph.data import NO_VALUE, ArrayEdges, Int32, Int64

Inputs = dict[int, list[int]]
Segments = Counter[tuple[int, int]]  # first node, number of hops


def cyclic_path_counts(edges: ArrayEdges, is_start: Bool, hops: int, most_steps: int) -> Int64 | None:
    """Number of paths of exactly j hops, which visit no node twice, from any start to each node: int64
    (hops + 1, 3, n) as `path_counts`; None when walking inside components takes more than `most_steps` steps.

    Args:
        edges: edges of a graph of n nodes.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
        most_steps: how many edges to follow at most.
    """
    edges = _part(edges, edges.target != edges.source)
    component = tied_together(edges, len(is_start))
    is_inner = (component[edges.target] == component[edges.source]) & (component[edges.target] != NO_VALUE)
    segments = _segments(_part(edges, is_inner), np.flatnonzero(component != NO_VALUE).tolist(), hops, most_steps)
    if segments is None:
        return None
    outer = _part(edges, ~is_inner)
    counts = np.zeros((hops + 1, 3, len(is_start)), np.int64)
    nodes = list(segments)
    entering: list[dict[int, int]] = []  # per number of hops, paths to inner nodes whose last edge is no inner one
    for j in range(hops + 1):
        if j:
            counts[j] = next_counts(outer, counts[j - 1])
        else:
            counts[0, 0, is_start] = 1
        entering.append(dict(zip(nodes, as_integers(counts[j, :, nodes]), strict=True)))
        for node, beginnings in segments.items():
            paths = (number * entering[j - k][first] for (first, k), number in beginnings.items() if k <= j)
            counts[j, :, node] = as_limbs(sum(paths))
    return counts


def tied_together(edges: ArrayEdges, n: int) -> Int32:
    """The strongly connected component of each of n nodes that lie on a cycle, else -1: int32 (n,)."""
    waiting = np.ones(n, np.bool_)
    for _ in range(n):  # what no cycle leads to, or what leads to none, has no part in any
        is_open = waiting[edges.target] & waiting[edges.source]
        has_input, has_output = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        has_input[edges.target[is_open]] = has_output[edges.source[is_open]] = True
        if ((has_input & has_output) == waiting).all():
            break
        waiting = has_input & has_output
    component = np.full(n, NO_VALUE, np.int32)
    core = _part(edges, waiting[edges.target] & waiting[edges.source])
    outputs, inputs = _lists(core.source, core.target), _lists(core.target, core.source)
    seen: set[int] = set()
    for root in reversed(_finished(np.flatnonzero(waiting).tolist(), outputs, set())):
        members = _finished([root], inputs, seen)
        if len(members) > 1:
            component[members] = root
    return component


def _finished(roots: Iterable[int], onwards: Inputs, seen: set[int]) -> list[int]:
    """Nodes that can be reached from roots without those seen, in the order in which depth-first search leaves them."""
    left = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(onwards.get(root, ())))]
        while stack:
            fresh = next((other for other in stack[-1][1] if other not in seen), None)
            if fresh is None:
                left.append(stack.pop()[0])
            else:
                seen.add(fresh)
                stack.append((fresh, iter(onwards.get(fresh, ()))))
    return left


def _segments(inner: ArrayEdges, nodes: list[int], hops: int, most_steps: int) -> dict[int, Segments] | None:
    """For each node: how many paths inside its component end at it, by where they begin and how long they are."""
    inputs, steps = _lists(inner.target, inner.source), 0
    found: dict[int, Segments] = {}
    for node in nodes:
        found[node] = Counter({(node, 0): 1})
        open_walks: list[tuple[int, ...]] = [(node,)]
        while open_walks:
            walk = open_walks.pop()
            for source in inputs.get(walk[-1], ()):
                if source not in walk:
                    found[node][source, len(walk)] += 1
                    if len(walk) < hops:
                        open_walks.append((*walk, source))
            steps += len(inputs.get(walk[-1], ()))
            if steps > most_steps:
                return None
    return found


def _part(edges: ArrayEdges, chosen: Bool) -> ArrayEdges:
    return ArrayEdges(edges.target[chosen], edges.source[chosen], edges.weight[chosen])


def _lists(keys: Int32, values: Int32) -> Inputs:
    lists: Inputs = defaultdict(list)
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        lists[key].append(value)
    return lists
