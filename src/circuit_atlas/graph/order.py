"""A topological order of the nodes: every effect leads to a later one."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.data import Edges, Float64, Int32
from circuit_atlas.graph.packed import PackedEdges, combined
from circuit_atlas.graph.ranges import places_of

_BLOCK = 1 << 20


def topological_order(edges: Edges, depth: Float64) -> Int32 | None:
    """All nodes, each after all of its inputs: ordinals, int32 (n,); None if the graph has a cycle.

    Args:
        edges: edges of a graph of n nodes.
        depth: float64 (n,): height of each node in the model (`NodeColumns.depth`). Every effect of a genuine
            attribution graph leads upwards, so sorting by depth is enough; for other graphs an order is searched for.
    """
    if _leads_upwards(edges, depth):
        return np.argsort(depth, kind="stable").astype(np.int32)
    # Kahn's algorithm, a level at a time: take the nodes whose inputs have all been taken. Each edge is read once, with
    # its source.
    ends = [(block.source, block.target) for block in edges.blocks(_BLOCK)]
    source, target = (np.concatenate(part) for part in zip(*ends, strict=True))
    outputs, left = (np.bincount(nodes, minlength=len(depth)) for nodes in (source, target))
    start = np.cumsum(outputs) - outputs
    target = target[np.argsort(source, kind="stable")]
    free, order = np.flatnonzero(left == 0), [np.zeros(0, np.int64)]
    while len(free):
        order.append(free)
        reached, times = np.unique(target[places_of(start[free], outputs[free])], return_counts=True)
        left[reached] -= times
        free = reached[left[reached] == 0]
    return None if left.any() else np.concatenate(order).astype(np.int32)


def _leads_upwards(edges: Edges, depth: Float64) -> bool:
    """Whether every source is below its target."""
    if not isinstance(edges, PackedEdges):
        return all((depth[block.source] < depth[block.target]).all() for block in edges.blocks(_BLOCK))
    highest = np.full(len(depth), -np.inf)  # of the inputs of each node
    combined(edges, lambda part: part.at_source(depth), np.maximum, highest)
    return bool((highest < depth)[edges.inputs > 0].all())
