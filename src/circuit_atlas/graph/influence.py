"""Influence as circuit-tracer defines it: how much of the logits flows through each node.

Weights are taken by size and normalised so that each target's inputs sum to 1; what a logit weighs is its
probability. The influence of a node is w A + w A^2 + ... there, over all paths to the logits
(`compute_node_influence` of circuit_tracer.graph). Normalising a pruned graph gives other numbers than
normalising the whole one: these are of the graph that is stored. Around a cycle it sums up, less each time round,
unless nothing leads out of the cycle: then there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from circuit_atlas.graph.bounds import Bool
from circuit_atlas.graph.data import KINDS, EdgeBlock, Edges, Float64, GraphData, Int32, NodeColumns
from circuit_atlas.schema.keys import Kind

_BLOCK = 1 << 20
_SMALLEST = 1e-10  # circuit-tracer's clamp of a row's sum
_SMALLEST_FLOW = 1e-15  # of all: less goes round once more unnoticed
_MOST_ROUNDS = 2_000


class InfluenceScores(NamedTuple):
    """`input_sum` (n,): sum of |weight| of each node's inputs. `influence` (n,): see the module's text.
    The scores are circuit-tracer's `compute_graph_scores`; None without logits, tokens or errors to share."""

    input_sum: Float64
    influence: Float64
    replacement_score: float | None
    completeness_score: float | None


def compute_influence(data: GraphData, order: Int32 | None) -> InfluenceScores:
    """Input sums, influence and graph scores of a graph.

    Args:
        data: the graph, of n nodes.
        order: see `topological_order`; None for a graph with a cycle.
    """
    nodes, edges = data.nodes, data.edges
    weights = np.nan_to_num(nodes.probability)
    is_error = nodes.kind == KINDS.index(Kind.ERROR)
    if order is None or not weights.any():
        input_sum, from_errors = _input_sums(edges, is_error)
        around = node_influence(edges, None, input_sum, weights) if weights.any() else None
        if around is None:
            return InfluenceScores(input_sum, np.zeros(len(nodes)), None, None)
        return _measured(nodes, weights, input_sum, from_errors, around)
    input_sum, from_errors = np.zeros(len(nodes)), np.zeros(len(nodes))

    def measured() -> Iterator[EdgeBlock]:
        for block in edges.rows(order[::-1]):
            if block.size:
                size, target = np.abs(block.weight), block.target[0]
                input_sum[target] = size.sum()
                from_errors[target] = size[is_error[block.source]].sum()
                yield block

    influence = _influence(measured(), input_sum, weights)
    return _measured(nodes, weights, input_sum, from_errors, influence)


def _measured(
    nodes: NodeColumns, weights: Float64, input_sum: Float64, from_errors: Float64, influence: Float64
) -> InfluenceScores:
    explained = (1 - from_errors / np.maximum(input_sum, _SMALLEST)) * (influence + weights)
    tokens = influence[nodes.kind == KINDS.index(Kind.TOKEN)].sum()
    ends = tokens + influence[nodes.kind == KINDS.index(Kind.ERROR)].sum()
    return InfluenceScores(
        input_sum,
        influence,
        float(tokens / ends) if ends else None,
        float(explained.sum() / (influence + weights).sum()),
    )


def node_influence(edges: Edges, order: Int32 | None, input_sum: Float64, weights: Float64) -> Float64 | None:
    """Influence of every node, (n,), on nodes of given weights (n,); None when it grows without end around a cycle.

    Args:
        edges: edges of a graph.
        order: see `topological_order`; None for a graph with a cycle.
        input_sum: sum of |weight| of each node's inputs, (n,).
        weights: what the flow ends in, (n,): for all logits, their probabilities.
    """
    if order is not None:
        return _influence((block for block in edges.rows(order[::-1]) if block.size), input_sum, weights)
    influence, flow = np.zeros_like(weights), weights
    for _ in range(_MOST_ROUNDS):
        flow = _one_step_back(edges, input_sum, flow)
        influence += flow
        if flow.sum() <= _SMALLEST_FLOW * weights.sum():
            return influence
    return None


def _one_step_back(edges: Edges, input_sum: Float64, flow: Float64) -> Float64:
    before = np.zeros_like(flow)
    for block in edges.blocks(_BLOCK):
        shares = np.abs(block.weight) / np.maximum(input_sum[block.target], _SMALLEST)
        before += np.bincount(block.source, shares * flow[block.target], len(flow))
    return before


def _influence(rows: Iterator[EdgeBlock], input_sum: Float64, weights: Float64) -> Float64:
    """From the rows of all targets, outputs first."""
    influence = np.zeros_like(weights)
    for row in rows:
        target = row.target[0]
        flow = influence[target] + weights[target]
        if flow:
            influence[row.source] += flow / max(input_sum[target], _SMALLEST) * np.abs(row.weight)
    return influence


def _input_sums(edges: Edges, is_error: Bool) -> tuple[Float64, Float64]:
    """Sums of |weight| of each node's inputs, and of those that are errors, (n,) each."""
    total, from_errors = np.zeros(len(is_error)), np.zeros(len(is_error))
    for block in edges.blocks(_BLOCK):
        size = np.abs(block.weight)
        total += np.bincount(block.target, size, len(total))
        from_errors += np.bincount(block.target, size * is_error[block.source], len(total))
    return total, from_errors
