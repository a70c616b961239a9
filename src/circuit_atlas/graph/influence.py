"""Influence as circuit-tracer defines it: how much of the logits' probability flows through each node.

Weights are taken by size and normalised so that the inputs of each target sum to 1: A[t, s] = |W[t, s]| / sum of
|W[t, :]|. With w the probabilities of the logits, the influence of all nodes is w A + w A^2 + ..., the sum over all
paths to the logits (`compute_node_influence` of circuit_tracer.graph). A pruned graph normalised by itself gives other
numbers than the whole graph: these are of the graph that is stored. In a graph with a cycle, the sum has infinitely
many terms; it converges in time unless nothing, or less than about 2 %, leads out of the cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from circuit_atlas.graph.data import KINDS, Bool, EdgeBlock, Edges, Float64, GraphData, Int32, NodeColumns
from circuit_atlas.graph.packed import PackedEdges, Part, combined
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MIN_INPUT_SUM

_BLOCK = 1 << 20
_NEGLIGIBLE = 1e-15  # share of the weights: around a cycle, a smaller rest is dropped
_MAX_ROUNDS = 2_000  # around a cycle


class InfluenceScores(NamedTuple):
    """The result of `compute_influence`.

    `input_sum`, float64 (n,), is the sum of |weight| over each node's inputs; `influence`, float64 (n,), see the
    module's text. The scores are those of circuit-tracer's `compute_graph_scores`; None if the graph has no logits, or
    for the replacement score if no influence reaches a token or error.
    """

    input_sum: Float64
    influence: Float64
    replacement_score: float | None
    completeness_score: float | None


def compute_influence(data: GraphData, order: Int32 | None) -> InfluenceScores:
    """Input sums, influence and scores of a graph.

    Args:
        data: the graph, of n nodes.
        order: see `topological_order`; None for a graph with a cycle. If influence does not converge there, it is 0
            everywhere, and the scores are None.
    """
    nodes, edges = data.nodes, data.edges
    weights = np.nan_to_num(nodes.probability)
    is_error = nodes.kind == KINDS.index(Kind.ERROR)
    if order is None or not weights.any():
        input_sum, from_errors = _input_sums(edges, is_error)
        influence = node_influence(edges, None, input_sum, weights) if weights.any() else None
        if influence is None:
            return InfluenceScores(input_sum, np.zeros(len(nodes)), None, None)
        return _scored(nodes, weights, input_sum, from_errors, influence)
    input_sum, from_errors = np.zeros(len(nodes)), np.zeros(len(nodes))

    def summed_rows() -> Iterator[EdgeBlock]:
        """The rows for `_influence`, which needs a row's sum only when it comes to that row: edges are read once."""
        for block in edges.rows(order[::-1]):
            if block.size:
                size, target = np.abs(block.weight), block.target[0]
                input_sum[target] = size.sum()
                from_errors[target] = size[is_error[block.source]].sum()
                yield block

    influence = _influence(summed_rows(), input_sum, weights)
    return _scored(nodes, weights, input_sum, from_errors, influence)


def node_influence(edges: Edges, order: Int32 | None, input_sum: Float64, weights: Float64) -> Float64 | None:
    """Influence of every node on weighted nodes, float64 (n,); None if it does not converge around a cycle.

    Args:
        edges: edges of a graph of n nodes.
        order: see `topological_order`; None for a graph with a cycle.
        input_sum: float64 (n,): sum of |weight| over each node's inputs.
        weights: float64 (n,): the weights of the nodes where paths end; for all logits, their probabilities.
    """
    if order is not None:
        return _influence((block for block in edges.rows(order[::-1]) if block.size), input_sum, weights)
    # Without an order: the sum w A + w A^2 + ... term by term, until the rest is negligible.
    influence, term = np.zeros_like(weights), weights
    for _ in range(_MAX_ROUNDS):
        term = _one_step_back(edges, input_sum, term)
        influence += term
        if term.sum() <= _NEGLIGIBLE * weights.sum():
            return influence
    return None


def influence_by_length(
    edges: PackedEdges, input_sum: Float64, weights: Float64, starts: Sequence[Bool], most: int
) -> Float64:
    """How much of some weighted nodes flows to them along paths of exactly h effects, by where the paths begin: float64
    (hops, len(starts)) for h from 1 to `hops`, which is the longest path, but at most `most`.

    It is the recurrence of `bounds` with plus and times: the share of a node that comes along paths of h effects is the
    sum, over its inputs, of their normalised weight times the share of h - 1. So all rows and columns together are
    w A + w A^2 + ..., as in the module's text, taken at nodes where paths begin.

    Args:
        edges: edges of a graph of n nodes.
        input_sum: float64 (n,): sum of |weight| over each node's inputs.
        weights: float64 (n,): the weights of the nodes where paths end; for all logits, their probabilities.
        starts: bool (n,) each: nodes where paths begin.
        most: most effects of a path.
    """
    sums = np.maximum(input_sum, MIN_INPUT_SUM)
    shares = [is_start.astype(np.float64) for is_start in starts]
    rows: list[list[float]] = []
    for _ in range(most):
        shares = [shares_of_inputs(edges, sums, share) for share in shares]
        if not any(share.any() for share in shares):
            break
        rows.append([float(weights @ share) for share in shares])
    return np.array(rows).reshape(-1, len(starts))


def shares_of_inputs(edges: PackedEdges, sums: Float64, share: Float64) -> Float64:
    """A times `share`: for each node, the mean of its inputs' shares, weighted by |weight|, float64 (n,).

    Args:
        edges: edges of a graph of n nodes.
        sums: float64 (n,): sum of |weight| over each node's inputs, at least `MIN_INPUT_SUM`.
        share: float64 (n,).
    """

    def brought(part: Part) -> Float64:
        values: Float64 = np.abs(part.weight) * part.at_source(share) / part.at_target(sums)
        return values

    mean = np.zeros_like(share)
    combined(edges, brought, np.add, mean)
    return mean


def graph_scores(
    is_token: Bool, is_error: Bool, weights: Float64, input_sum: Float64, from_errors: Float64, influence: Float64
) -> tuple[float | None, float]:
    """Replacement and completeness score, as circuit-tracer's `compute_graph_scores`; the former is None if no
    influence reaches a token or error. All arrays are (n,); `from_errors` is the part of `input_sum` that is of errors.
    """
    tokens, errors = influence[is_token].sum(), influence[is_error].sum()
    # Completeness: the share of each node's inputs that are not errors, weighted by the node's influence.
    explained = 1 - from_errors / np.maximum(input_sum, MIN_INPUT_SUM)
    importance = influence + weights
    return (
        float(tokens / (tokens + errors)) if tokens + errors else None,
        float((explained * importance).sum() / importance.sum()),
    )


def _scored(
    nodes: NodeColumns, weights: Float64, input_sum: Float64, from_errors: Float64, influence: Float64
) -> InfluenceScores:
    is_token, is_error = (nodes.kind == KINDS.index(kind) for kind in (Kind.TOKEN, Kind.ERROR))
    scores = graph_scores(is_token, is_error, weights, input_sum, from_errors, influence)
    return InfluenceScores(input_sum, influence, *scores)


def _influence(rows: Iterator[EdgeBlock], input_sum: Float64, weights: Float64) -> Float64:
    """Influence, float64 (n,), from the rows of all targets, outputs first: the influence of a target is complete when
    its row is reached, and is then shared out among its inputs."""
    influence = np.zeros_like(weights)
    for row in rows:
        target = row.target[0]
        arriving = influence[target] + weights[target]
        if arriving:
            influence[row.source] += arriving / max(input_sum[target], MIN_INPUT_SUM) * np.abs(row.weight)
    return influence


def _one_step_back(edges: Edges, input_sum: Float64, term: Float64) -> Float64:
    """`term` A: what arrives at each node is shared out among its inputs."""
    before = np.zeros_like(term)
    for block in edges.blocks(_BLOCK):
        shares = np.abs(block.weight) / np.maximum(input_sum[block.target], MIN_INPUT_SUM)
        before += np.bincount(block.source, shares * term[block.target], len(term))
    return before


def _input_sums(edges: Edges, is_error: Bool) -> tuple[Float64, Float64]:
    """Sums of |weight| over all inputs of each node, and over those that are errors: float64 (n,) each."""
    total, from_errors = np.zeros(len(is_error)), np.zeros(len(is_error))
    for block in edges.blocks(_BLOCK):
        size = np.abs(block.weight)
        total += np.bincount(block.target, size, len(total))
        from_errors += np.bincount(block.target, size * is_error[block.source], len(total))
    return total, from_errors
