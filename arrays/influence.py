"""Influence as circuit-tracer defines it: how much of the logits flows through each node.

Weights are taken by size and normalised so that each target's inputs sum to 1; what a logit weighs is its
probability. The influence of a node is w A + w A^2 + ... there, over all paths to the logits
(`compute_node_influence` of circuit_tracer.graph). Normalising a pruned graph gives other numbers than
normalising the whole one: these are of the graph that is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from circuit_atlas.arrays.graph_data import KINDS, EdgeBlock, Edges, Float64, GraphData, Int32
from circuit_atlas.schema.keys import Kind

_BLOCK = 1 << 20
_SMALLEST = 1e-10  # circuit-tracer's clamp of a row's sum


class Flow(NamedTuple):
    """`input_sum` (n,): sum of |weight| of each node's inputs. `influence` (n,): see the module's text.
    The scores are circuit-tracer's `compute_graph_scores`; None without logits, tokens or errors to share."""

    input_sum: Float64
    influence: Float64
    replacement_score: float | None
    completeness_score: float | None


def measure_flow(data: GraphData, order: Int32 | None) -> Flow:
    """Input sums, influence and graph scores of a graph.

    Args:
        data: the graph, of n nodes.
        order: see `topological_order`; with None, a cyclic graph, which has no influence (zeros) and no scores.
    """
    nodes, edges = data.nodes, data.edges
    weights = np.nan_to_num(nodes.probability)
    if order is None or not weights.any():
        return Flow(_input_sums(edges, len(nodes)), np.zeros(len(nodes)), None, None)
    input_sum, from_errors = np.zeros(len(nodes)), np.zeros(len(nodes))
    is_error = nodes.kind == KINDS.index(Kind.ERROR)

    def measured() -> Iterator[EdgeBlock]:
        for block in edges.rows(order[::-1]):
            if block.size:
                size, target = np.abs(block.weight), block.target[0]
                input_sum[target] = size.sum()
                from_errors[target] = size[is_error[block.source]].sum()
                yield block

    influence = _influence(measured(), input_sum, weights)
    explained = (1 - from_errors / np.maximum(input_sum, _SMALLEST)) * (influence + weights)
    tokens = influence[nodes.kind == KINDS.index(Kind.TOKEN)].sum()
    ends = tokens + influence[is_error].sum()
    return Flow(
        input_sum,
        influence,
        float(tokens / ends) if ends else None,
        float(explained.sum() / (influence + weights).sum()),
    )


def node_influence(edges: Edges, order: Int32, input_sum: Float64, weights: Float64) -> Float64:
    """Influence of every node, (n,), on nodes of given weights (n,).

    Args:
        edges: edges of a graph without cycles.
        order: see `topological_order`.
        input_sum: sum of |weight| of each node's inputs, (n,).
        weights: what the flow ends in, (n,): for all logits, their probabilities.
    """
    return _influence((block for block in edges.rows(order[::-1]) if block.size), input_sum, weights)


def _influence(rows: Iterator[EdgeBlock], input_sum: Float64, weights: Float64) -> Float64:
    """From the rows of all targets, outputs first."""
    influence = np.zeros_like(weights)
    for row in rows:
        target = row.target[0]
        flow = influence[target] + weights[target]
        if flow:
            influence[row.source] += flow / max(input_sum[target], _SMALLEST) * np.abs(row.weight)
    return influence


def _input_sums(edges: Edges, n: int) -> Float64:
    total = np.zeros(n)
    for block in edges.blocks(_BLOCK):
        total += np.bincount(block.target, np.abs(block.weight), minlength=n)
    return total
