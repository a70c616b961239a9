"""An order of the nodes in which every effect leads onwards."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Edges, Float64, Int32

_BLOCK = 1 << 20


def topological_order(edges: Edges, depth: Float64) -> Int32 | None:
    """All nodes, each after all of its inputs: ordinals, int32 (n,); None if the graph has a cycle.

    Args:
        edges: edges of a graph of n nodes.
        depth: float64 (n,): height of each node in the model (`NodeColumns.depth`). Every effect of a genuine
            attribution graph leads upwards, so sorting by depth is enough; for other graphs an order is searched for.
    """
    if all((depth[block.source] < depth[block.target]).all() for block in edges.blocks(_BLOCK)):
        return np.argsort(depth, kind="stable").astype(np.int32)
    # Kahn's algorithm, a level at a time: take the nodes whose inputs have all been taken. It reads all edges once for
    # each level, of which there are as many as the longest path has nodes.
    waiting, order = np.ones(len(depth), np.bool_), [np.zeros(0, np.int64)]
    while waiting.any():
        blocked = np.zeros(len(depth), np.bool_)
        for block in edges.blocks(_BLOCK):
            blocked[block.target[waiting[block.source]]] = True
        free = np.flatnonzero(waiting & ~blocked)
        if not len(free):
            return None
        order.append(free)
        waiting[free] = False
    return np.concatenate(order).astype(np.int32)
