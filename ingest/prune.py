"""Prunes a whole graph with circuit-tracer's own `prune_graph`."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from circuit_atlas.errors import InvalidArgumentError, needs_extra
from circuit_atlas.graph.data import KINDS, ArrayEdges, GraphData
from circuit_atlas.ingest.attribution import Attribution
from circuit_atlas.ingest.dense import masked_edges
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import EDGE_THRESHOLD, NODE_THRESHOLD

_FIX = "Leave the thresholds out to store the whole graph."


def prune(data: GraphData, found: Attribution, node_threshold: float | None, edge_threshold: float | None) -> GraphData:
    """The part of a graph that circuit-tracer's `create_graph_files` would write.

    It keeps those nodes of circuit-tracer's `prune_graph` that have a kept edge, and all tokens and logits. Their
    `cumulative_influence` is circuit-tracer's `influence`.

    Args:
        data: the whole graph, of n nodes.
        found: the same graph as circuit-tracer's fields, with `adjacency[target, source]`, (n, n).
        node_threshold: share of influence that the kept nodes carry, 0 to 1; circuit-tracer's default when None.
        edge_threshold: share of influence that the kept edges carry, 0 to 1; circuit-tracer's default when None.

    Raises:
        MissingExtraError: circuit-tracer is not installed.
        InvalidArgumentError: a threshold is not between 0 and 1, or the graph cannot be pruned, because it has no
            logits or a cycle.
    """
    node_threshold = _checked("node_threshold", node_threshold, NODE_THRESHOLD)
    edge_threshold = _checked("edge_threshold", edge_threshold, EDGE_THRESHOLD)
    node_mask, edge_mask, cumulative = _masks(found, node_threshold, edge_threshold)
    # As create_graph_files does: edges between kept nodes, and nodes that have such an edge.
    edge_mask &= node_mask[:, None] & node_mask[None, :]
    always = np.isin(data.nodes.kind, [KINDS.index(Kind.TOKEN), KINDS.index(Kind.LOGIT)])
    used = (always & node_mask) | edge_mask.any(0) | edge_mask.any(1)
    kept = np.flatnonzero(used)
    real = masked_edges(found.adjacency, edge_mask)
    renumbered = np.cumsum(used, dtype=np.int32) - 1  # the new ordinal of each kept node
    edges = ArrayEdges(renumbered[real.target], renumbered[real.source], real.weight)
    metadata = data.metadata.model_copy(update={"node_threshold": node_threshold, "edge_threshold": edge_threshold})
    nodes = replace(data.nodes.take(kept), cumulative_influence=_influence(data, cumulative)[kept])
    return GraphData(metadata, nodes, edges, zero_links=int(np.count_nonzero(edge_mask)) - len(edges))


def _checked(name: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    if not 0.0 <= value <= 1.0:
        raise InvalidArgumentError(f"{name} cannot be {value}", fix="It must be a share of influence, 0 to 1.")
    return value


def _masks(found: Attribution, node_threshold: float, edge_threshold: float) -> tuple[Any, Any, Any]:
    with needs_extra("attribution", "pruning"):
        from circuit_tracer.graph import prune_graph
    if not len(found.logit_ids):
        raise InvalidArgumentError("a graph without logits cannot be pruned", fix=_FIX)
    try:
        masks = prune_graph(_as_graph(found), node_threshold, edge_threshold)
    except RuntimeError as error:  # influence does not converge around a cycle, or memory is short
        raise InvalidArgumentError(f"the graph cannot be pruned: {str(error).splitlines()[0]}", fix=_FIX) from error
    node_mask, edge_mask, cumulative = (part.cpu().numpy() for part in masks)
    return node_mask, edge_mask, cumulative


def _as_graph(found: Attribution) -> SimpleNamespace:
    """The fields that `prune_graph` reads. It computes in float32, whatever the dtype of the matrix."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"  # as circuit-tracer's create_graph_files does
    adjacency = torch.from_numpy(found.adjacency.astype(np.float32, copy=False)).to(device)
    return SimpleNamespace(
        adjacency_matrix=adjacency,
        input_tokens=found.tokens,
        logit_targets=found.logit_ids,
        selected_features=found.features,
        logit_probabilities=torch.as_tensor(found.probabilities, dtype=torch.float32, device=device),
    )


def _influence(data: GraphData, cumulative: Any) -> np.ndarray:
    """Cumulative influence as circuit-tracer writes it: a logit has none."""
    is_logit = data.nodes.kind == KINDS.index(Kind.LOGIT)
    return np.where(is_logit, np.nan, cumulative.astype(np.float64))
