"""Influence as circuit-tracer defines it: how much of the logits flows through each node.

Weights are taken by size and normalised so that each target's inputs sum to 1; what a logit weighs is its
probability. The influence of a node is w A + w A^2 + ... there, over all paths to the logits
(`compute_node_influence` of circuit_tracer.graph). Normalising a pruned graph gives other numbers than
normalising the whole one: these are of the graph that is stored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from circuit_atlas.arrays.graph_data import KINDS, Edges, Float64, GraphData, NodeColumns
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


def measure_flow(data: GraphData, acyclic: bool) -> Flow:
    """Input sums, influence and graph scores of a graph; a cyclic one has no influence (zeros) and no scores."""
    nodes, edges = data.nodes, data.edges
    input_sum = _input_sums(edges, len(nodes))
    weights = np.nan_to_num(nodes.probability)
    if not acyclic or not weights.any():
        return Flow(input_sum, np.zeros(len(nodes)), None, None)
    influence = _influence(edges, input_sum, weights)
    return Flow(input_sum, influence, *_scores(edges, nodes, input_sum, influence, influence + weights))


def _input_sums(edges: Edges, n: int) -> Float64:
    total = np.zeros(n)
    for block in edges.blocks(_BLOCK):
        total += np.bincount(block.target, np.abs(block.weight), minlength=n)
    return total


def _influence(edges: Edges, input_sum: Float64, weights: Float64) -> Float64:
    total, current = np.zeros_like(weights), weights
    while current.any():
        per_unit = current / np.maximum(input_sum, _SMALLEST)
        current = np.zeros_like(weights)
        for block in edges.blocks(_BLOCK):
            flow = per_unit[block.target] * np.abs(block.weight)
            current += np.bincount(block.source, flow, minlength=len(current))
        total += current
    return total


def _scores(
    edges: Edges, nodes: NodeColumns, input_sum: Float64, influence: Float64, output: Float64
) -> tuple[float | None, float | None]:
    is_error = nodes.kind == KINDS.index(Kind.ERROR)
    tokens = influence[nodes.kind == KINDS.index(Kind.TOKEN)].sum()
    ends = tokens + influence[is_error].sum()
    from_errors = np.zeros(len(nodes))
    for block in edges.blocks(_BLOCK):
        size = np.abs(block.weight) * is_error[block.source]
        from_errors += np.bincount(block.target, size, minlength=len(nodes))
    explained = (1 - from_errors / np.maximum(input_sum, _SMALLEST)) * output
    replacement = float(tokens / ends) if ends else None
    return replacement, float(explained.sum() / output.sum()) if output.sum() else None
