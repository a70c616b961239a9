"""Pruning with circuit-tracer's own `prune_graph`."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from circuit_atlas.errors import MissingExtraError, QuestionError
from circuit_atlas.ingest.attribution import Attribution
from circuit_atlas.ingest.graph_data import KINDS, ArrayEdges, GraphData, NodeColumns
from circuit_atlas.schema.keys import Kind

NODE_THRESHOLD, EDGE_THRESHOLD = 0.8, 0.98  # circuit-tracer's defaults


def prune(data: GraphData, found: Attribution, node_threshold: float | None, edge_threshold: float | None) -> GraphData:
    """The part of a graph that circuit-tracer's `create_graph_files` would write.

    Kept are the nodes of `prune_graph` that have a kept edge, and all tokens and logits. Their
    `cumulative_influence` is circuit-tracer's `influence`.

    Args:
        data: the whole graph.
        found: the same as circuit-tracer's fields.
        node_threshold: share of influence the kept nodes carry, 0 to 1; 0.8 when None.
        edge_threshold: share of influence the kept edges carry, 0 to 1; 0.98 when None.

    Raises:
        MissingExtraError: circuit-tracer is not installed.
        QuestionError: a threshold is not between 0 and 1.
    """
    node_threshold = _checked("node_threshold", node_threshold, NODE_THRESHOLD)
    edge_threshold = _checked("edge_threshold", edge_threshold, EDGE_THRESHOLD)
    node_mask, edge_mask, cumulative = _masks(found, node_threshold, edge_threshold)
    edge_mask &= node_mask[:, None] & node_mask[None, :]
    target, source = (index.astype(np.int32) for index in np.nonzero(edge_mask))
    always = np.isin(data.nodes.kind, [KINDS.index(Kind.TOKEN), KINDS.index(Kind.LOGIT)])
    used = always & node_mask
    used[target] = used[source] = True
    kept = np.flatnonzero(used)
    weight = _entries(found.adjacency, target, source)
    renumbered = np.cumsum(used, dtype=np.int32) - 1
    real = weight != 0
    edges = ArrayEdges(renumbered[target[real]], renumbered[source[real]], weight[real])
    metadata = data.metadata.model_copy(update={"node_threshold": node_threshold, "edge_threshold": edge_threshold})
    nodes = replace(_take(data.nodes, kept), cumulative_influence=_influence(data, cumulative)[kept])
    return GraphData(metadata, nodes, edges, zero_links=int(np.count_nonzero(~real)))


def _checked(name: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    if not 0.0 <= value <= 1.0:
        raise QuestionError(f"{name} cannot be {value}", fix="It is a share of influence, 0 to 1.")
    return value


def _masks(found: Attribution, node_threshold: float, edge_threshold: float) -> tuple[Any, Any, Any]:
    try:
        from circuit_tracer.graph import prune_graph  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "pruning uses circuit-tracer", fix="pip install 'circuit-atlas[attribution]'"
        ) from error
    import torch  # noqa: PLC0415

    adjacency = found.adjacency.detach()
    graph = SimpleNamespace(
        adjacency_matrix=adjacency,
        input_tokens=found.tokens,
        logit_targets=found.logit_ids,
        selected_features=found.features,
        logit_probabilities=torch.as_tensor(found.probabilities, device=adjacency.device).to(adjacency.dtype),
    )
    return tuple(part.float().cpu().numpy() if part.is_floating_point() else part.cpu().numpy()
                 for part in prune_graph(graph, node_threshold, edge_threshold))  # fmt: skip


def _entries(adjacency: Any, target: Any, source: Any) -> np.ndarray:
    picked: np.ndarray = adjacency.detach()[target.astype(np.int64), source.astype(np.int64)].double().cpu().numpy()
    return picked


def _influence(data: GraphData, cumulative: Any) -> np.ndarray:
    """A logit has none: circuit-tracer leaves it out."""
    is_logit = data.nodes.kind == KINDS.index(Kind.LOGIT)
    return np.where(is_logit, np.nan, cumulative.astype(np.float64))


def _take(nodes: NodeColumns, kept: np.ndarray) -> NodeColumns:
    def pick(column: list[str | None]) -> list[str | None]:
        return [column[i] for i in kept] if column else []

    numbers = {
        name: getattr(nodes, name)[kept]
        for name in ("kind", "layer", "position", "index", "activation", "probability", "cumulative_influence")
    }
    return NodeColumns(**numbers, token=pick(nodes.token), label=pick(nodes.label), source_id=pick(nodes.source_id))
