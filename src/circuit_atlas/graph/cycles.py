"""Exact numbers of paths in a graph with cycles.

A path that leaves a strongly connected component never returns to it. So outside of components the recurrence of
`counts` is exact, and only inside them paths have to be walked one by one, to leave out those that visit a node twice.
Attribution graphs of circuit-tracer have no cycles; collapsed graphs often do.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from circuit_atlas.graph.counts import as_integers, as_limbs, next_counts, starting_counts
from circuit_atlas.graph.data import NO_VALUE, ArrayEdges, Bool, Int32, Int64
from circuit_atlas.graph.packed import PackedEdges

Neighbors = dict[int, list[int]]
InnerPaths = Counter[tuple[int, int]]  # (first node, number of hops) -> number of paths


def cyclic_path_counts(edges: ArrayEdges, is_start: Bool, hops: int, most_steps: int) -> Int64 | None:
    """Number of paths of exactly j hops, which visit no node twice, from any start to each node.

    Args:
        edges: edges of a graph of n nodes.
        is_start: bool (n,): nodes where paths begin.
        hops: most edges of a path.
        most_steps: how many edges to follow at most inside components.

    Returns:
        int64 (hops + 1, 3, n), limbs as in `walk_counts`; None if `most_steps` do not suffice.
    """
    edges = _part(edges, edges.target != edges.source)
    component = strongly_connected_components(edges, len(is_start))
    is_inner = (component[edges.target] == component[edges.source]) & (component[edges.target] != NO_VALUE)
    inner_nodes = np.flatnonzero(component != NO_VALUE).tolist()
    inner_paths = _paths_within_components(_part(edges, is_inner), inner_nodes, hops, most_steps)
    if inner_paths is None:
        return None
    outer = PackedEdges.of(_part(edges, ~is_inner), len(is_start))
    counts = starting_counts(is_start, hops)
    entering: list[dict[int, int]] = []  # for each number of hops: paths that enter a component at an inner node
    for j in range(hops + 1):
        if j:
            counts[j] = next_counts(outer, counts[j - 1])
        # So far, inner nodes have counts of the paths whose last edge comes from outside, or that begin there.
        entering.append(dict(zip(inner_nodes, as_integers(counts[j, :, inner_nodes]), strict=True)))
        # Every path to an inner node enters its component once, at `first`, and takes k hops inside.
        for node, beginnings in inner_paths.items():
            paths = (number * entering[j - k][first] for (first, k), number in beginnings.items() if k <= j)
            counts[j, :, node] = as_limbs(sum(paths))
    return counts


def strongly_connected_components(edges: ArrayEdges, n: int) -> Int32:
    """The component of each of n nodes that lie on a cycle of several nodes, as a number, else -1: int32 (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    outputs = coo_array((np.ones(len(edges.source), np.bool_), (edges.source, edges.target)), shape=(n, n))
    _, component = connected_components(outputs, connection="strong")
    return np.where(np.bincount(component)[component] > 1, component, NO_VALUE).astype(np.int32)


def _paths_within_components(
    inner: ArrayEdges, nodes: list[int], hops: int, most_steps: int
) -> dict[int, InnerPaths] | None:
    """For each node, the paths inside its component that end there; None if that takes more than `most_steps`."""
    inputs, steps = _neighbors(inner.target, inner.source), 0
    found: dict[int, InnerPaths] = {}
    for node in nodes:
        found[node] = Counter({(node, 0): 1})
        open_paths: list[tuple[int, ...]] = [(node,)]  # nodes of a path, from its end backwards
        while open_paths:
            path = open_paths.pop()
            for source in inputs.get(path[-1], ()):
                if source not in path:
                    found[node][source, len(path)] += 1
                    if len(path) < hops:
                        open_paths.append((*path, source))
            steps += len(inputs.get(path[-1], ()))
            if steps > most_steps:
                return None
    return found


def _part(edges: ArrayEdges, chosen: Bool) -> ArrayEdges:
    return ArrayEdges(edges.target[chosen], edges.source[chosen], edges.weight[chosen])


def _neighbors(nodes: Int32, others: Int32) -> Neighbors:
    neighbors: Neighbors = defaultdict(list)
    for node, other in zip(nodes.tolist(), others.tolist(), strict=True):
        neighbors[node].append(other)
    return neighbors
