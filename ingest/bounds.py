"""Largest path sums per node and number of hops: what lets path search keep only k candidates a hop.

`sums[j][v]` is the largest sum of weights of any path of exactly j hops from a token to node v, -inf where
there is none: a max-plus product with the adjacency matrix per hop. It does not depend on the target, so
one table serves every target.
"""

from __future__ import annotations

import numpy as np
from circuit_atlas.ingest.graph_data import KINDS, Edges, Float64, NodeColumns
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_HOPS

_BLOCK = 1 << 20


def path_bounds(edges: Edges, nodes: NodeColumns, sign: int) -> list[Float64]:
    """Tables of the largest `sign` * sum of weights of a path from any token, for 0 to MAX_HOPS hops.

    Args:
        edges: the graph's edges.
        nodes: its nodes, n of them.
        sign: 1 for the strongest paths, -1 for the most inhibiting.

    Returns:
        Arrays of shape (n,), float64, -inf where no such path ends; fewer than MAX_HOPS + 1 of them when
        no path is that long.
    """
    sums = np.where(nodes.kind == KINDS.index(Kind.TOKEN), 0.0, -np.inf)
    levels: list[Float64] = []
    while np.isfinite(sums).any() and len(levels) <= MAX_HOPS:
        levels.append(sums)
        sums = _next_level(edges, sums, sign)
    return levels


def _next_level(edges: Edges, sums: Float64, sign: int) -> Float64:
    following = np.full_like(sums, -np.inf)
    for target, source, weight in edges.blocks(_BLOCK):
        candidates = sums[source] + sign * weight
        starts = np.flatnonzero(np.r_[True, np.diff(target) != 0])
        rows = target[starts]
        following[rows] = np.maximum(following[rows], np.maximum.reduceat(candidates, starts))
    return following


def is_acyclic(edges: Edges, nodes: NodeColumns) -> bool:
    """Whether no path returns to its start. True of every genuine attribution graph; a file may differ."""
    depth = node_depth(nodes)
    if all((depth[source] < depth[target]).all() for target, source, _ in edges.blocks(_BLOCK)):
        return True
    alive = np.ones(len(nodes), np.bool_)
    while alive.any():
        has_input = np.zeros(len(nodes), np.bool_)
        for target, source, _ in edges.blocks(_BLOCK):
            has_input[target[alive[source]]] = True
        if not (alive & ~has_input).any():
            return False
        alive &= has_input
    return True


def node_depth(nodes: NodeColumns) -> Float64:
    """Height of each node in the model, shape (n,): tokens -1, features and errors their layer, logits inf."""
    depth = nodes.layer.astype(np.float64)
    depth[nodes.kind == KINDS.index(Kind.LOGIT)] = np.inf
    return depth
