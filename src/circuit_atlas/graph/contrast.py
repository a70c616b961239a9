"""A weighted sum of nodes as one node more.

A direct effect is linear in its target: it is what the source writes times the direction that the target reads. So the
effect of s on the sum c_1 t_1 + c_2 t_2 + ... is c_1 W(s, t_1) + c_2 W(s, t_2) + ..., as if the graph had been
attributed to that direction. With 1 and -1 it is the effect on the difference of two logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from circuit_atlas.graph.packed import PackedEdges

_ROUNDING = 1e-12  # of the sum of |weight|: what is left of parts that cancel


def with_sum_of(edges: PackedEdges, parts: Mapping[int, float]) -> PackedEdges:
    """The edges with those of one node more, the last: its inputs are a weighted sum of other nodes' inputs.

    Args:
        edges: edges of a graph of n nodes, not scored by an expression.
        parts: ordinals of the nodes that are added up, and the weight of each in the sum.

    Returns:
        Edges of n + 1 nodes. What cancels, up to rounding, is not an edge.
    """
    rows = list(edges.rows(np.array(list(parts), np.int32)))
    source = np.concatenate([row.source for row in rows])
    weight = np.concatenate([factor * row.weight for row, factor in zip(rows, parts.values(), strict=True)])
    sources, place = np.unique(source, return_inverse=True)
    sums = np.bincount(place, weight, len(sources))
    stays = np.abs(sums) > _ROUNDING * np.bincount(place, np.abs(weight), len(sources))
    return replace(
        edges,
        inputs=np.append(edges.inputs, np.count_nonzero(stays)),
        source=np.concatenate([edges.source, sources[stays].astype(edges.source.dtype)]),
        weight=np.concatenate([edges.weight, sums[stays]]),
    )
