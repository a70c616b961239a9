"""The part of a graph that carries most of its influence, as circuit-tracer's `prune_graph` defines it.

Nodes are kept, the most influential first, until they carry a given share of the influence of all nodes. Edges between
them are kept in the same way; the influence of an edge is its normalised weight times what flows through its target to
the logits. Then features without inputs, and features and errors without outputs, are left out until there are none.

`ingest` calls circuit-tracer's function, which needs torch and several dense matrices. This one takes the edges as they
are stored, so a graph of 18 million edges is pruned in a second. It computes in float64, circuit-tracer in float32: a
node or an edge whose cumulative share is within rounding of a threshold may be kept by one and left out by the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import KINDS, ArrayEdges, Bool, Float64, GraphData, Int32
from circuit_atlas.graph.influence import compute_influence, node_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MIN_INPUT_SUM
from circuit_atlas.schema.models import Supernode


def prune(data: GraphData, node_threshold: float, edge_threshold: float) -> GraphData:
    """The nodes and edges of a graph that circuit-tracer's `create_graph_files` would write. Tokens and logits are
    always kept. Supernodes keep those of their members that are kept.

    The nodes' `cumulative_influence` is circuit-tracer's `influence`; a logit has none.

    Args:
        data: a graph that was not pruned.
        node_threshold: share of the influence that the kept nodes carry, 0 to 1; 1 keeps all.
        edge_threshold: share of the influence that the kept edges carry, 0 to 1; 1 keeps all.

    Raises:
        InvalidArgumentError: the graph has no logits, or influence does not converge around a cycle.
    """
    nodes, weights = data.nodes, np.nan_to_num(data.nodes.probability)
    is_logit, is_token, is_feature = (
        nodes.kind == KINDS.index(kind) for kind in (Kind.LOGIT, Kind.TOKEN, Kind.FEATURE)
    )
    if not is_logit.any():
        raise _refused("it has no logits")
    order = topological_order(data.edges, nodes.depth)
    scores = compute_influence(data, order)
    if weights.any() and scores.completeness_score is None:
        raise _refused("influence does not converge around a cycle")
    influence, is_end = scores.influence, is_logit | is_token
    kept = is_end | (influence >= _cutoff(influence, node_threshold))
    edges = PackedEdges.of(data.edges, len(nodes)).among(kept).as_arrays()
    edge_influence = _edge_influence(edges, order, weights)
    cutoff = _cutoff(edge_influence, edge_threshold)
    if cutoff:  # else even a pair of nodes without an effect counts as an edge that is kept, as in circuit-tracer
        edges, kept = _connected(_take(edges, edge_influence >= cutoff), kept, is_end, is_feature)
    at = np.flatnonzero(kept)
    ordinal = np.cumsum(kept, dtype=np.int32) - 1
    cumulative = np.where(is_logit, np.nan, _cumulative(influence))
    thresholds = {"node_threshold": node_threshold, "edge_threshold": edge_threshold}
    return GraphData(
        data.metadata.model_copy(update=thresholds),
        replace(nodes.take(at), cumulative_influence=cumulative[at]),
        ArrayEdges(ordinal[edges.target], ordinal[edges.source], edges.weight),
        kept_supernodes(data.supernodes, at.tolist()),
    )


def kept_supernodes(supernodes: Sequence[Supernode], kept: Sequence[int]) -> tuple[Supernode, ...]:
    """Supernodes of a graph of which some nodes are kept, without those that have no member left.

    Args:
        supernodes: those of the whole graph.
        kept: the ordinals there of the nodes that are kept, in their new order.
    """
    place = {ordinal: i for i, ordinal in enumerate(kept)}
    members = [tuple(sorted(place[i] for i in supernode.members if i in place)) for supernode in supernodes]
    return tuple(
        Supernode(name=supernode.name, members=left)
        for supernode, left in zip(supernodes, members, strict=True)
        if left
    )


def _refused(why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the graph cannot be pruned: {why}", fix="`circuit-atlas view` draws it as it is.")


def _cutoff(scores: Float64, threshold: float) -> float:
    """The smallest of the largest scores (m,) that together carry the share `threshold` of the sum, as circuit-tracer's
    `find_threshold`; 0 if all of them are to be kept."""
    total = scores.sum()
    if threshold >= 1 or not total:
        return 0.0
    ranked = np.sort(scores)[::-1]
    at = int(np.searchsorted(np.cumsum(ranked), threshold * total))
    return float(ranked[min(at, len(ranked) - 1)])


def _cumulative(influence: Float64) -> Float64:
    """The share of influence that each node and all stronger ones carry, float64 (n,); NaN if no node has any."""
    ranked = np.argsort(-influence, kind="stable")
    cumulative = np.full(len(influence), np.nan)
    if influence.any():
        cumulative[ranked] = np.cumsum(influence[ranked]) / influence.sum()
    return cumulative


def _take(edges: ArrayEdges, at: Bool) -> ArrayEdges:
    return ArrayEdges(edges.target[at], edges.source[at], edges.weight[at])


def _edge_influence(edges: ArrayEdges, order: Int32 | None, weights: Float64) -> Float64:
    """Influence of each edge, float64 (m,), in the graph that has these edges alone: circuit-tracer's
    `compute_edge_influence`.

    Args:
        edges: edges between n nodes.
        order: see `topological_order`.
        weights: float64 (n,): the logits' probabilities.
    """
    size = np.abs(edges.weight)
    input_sum: Float64 = np.bincount(edges.target, size, len(weights)).astype(np.float64)
    influence = node_influence(edges, order, input_sum, weights)
    if influence is None:
        raise _refused("influence does not converge around a cycle")
    share = size / np.maximum(input_sum, MIN_INPUT_SUM)[edges.target]
    return np.asarray(share * (influence + weights)[edges.target])


def _connected(edges: ArrayEdges, kept: Bool, is_end: Bool, is_feature: Bool) -> tuple[ArrayEdges, Bool]:
    """The edges and nodes, bool (n,), that remain when all nodes without outputs but tokens and logits are left out,
    and all features without inputs, until there are none."""
    while True:
        has_input, has_output = (np.bincount(ends, minlength=len(kept)) > 0 for ends in (edges.target, edges.source))
        left = kept & (is_end | has_output) & (has_input | ~is_feature)
        edges = _take(edges, left[edges.source] & left[edges.target])
        if (left == kept).all():
            return edges, kept
        kept = left
