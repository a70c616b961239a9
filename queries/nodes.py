"""One node, with what it belongs to."""

from __future__ import annotations

from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.node_results import NodeDetails, QkMarginal, QkPair, QkTracing, TranscoderFeature
from circuit_atlas.queries.node_rows import to_node
from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, ATTENTION_STEP, Component, Kind
from circuit_atlas.schema.models import Node


@graph_query
def node_details(graph: StoredGraph, address: str) -> NodeDetails:
    """The properties of a node, its supernodes and its transcoder feature; the address is as in `resolve`.

    Raises:
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
        GraphNotFoundError: no graph of that name is ready.
    """
    node = resolve(graph, address)
    row = ask(graph.database, "nodes.get", graph=graph.name, key=node.key)[0]
    stored = row["node"]
    n_layers = graph.properties["n_layers"]
    depth = {Kind.TOKEN: -1, Kind.LOGIT: n_layers}.get(node.kind, node.layer)
    if depth is not None and node.component in ATTENTION_COMPONENTS:
        depth -= ATTENTION_STEP
    feature = row["transcoder_feature"]
    optional = (
        "token",
        "activation",
        "probability",
        "influence",
        "cumulative_influence",
        "feature_type",
        "graphs",
        "mean_influence",
    )
    return NodeDetails(
        graph=graph.name,
        node=node,
        depth=depth,
        pinned=stored.get("pinned", False),
        inputs=row["inputs"],
        outputs=row["outputs"],
        supernodes=row["supernodes"],
        transcoder_feature=feature and TranscoderFeature(**feature),
        qk=_qk(graph, node) if node.component is Component.LORSA else None,
        **{name: stored.get(name) for name in optional},
    )


def _qk(graph: StoredGraph, node: Node) -> QkTracing | None:
    """The QK pairs of an attention feature; None if its file has none."""
    rows = ask(graph.database, "nodes.qk", graph=graph.name, key=node.key)
    sides = {
        side: [QkMarginal(node=to_node(row[side]), value=row["value"]) for row in rows if row["what"] == side]
        for side in ("query", "key")
    }
    pairs = [
        QkPair(query=to_node(row["query"]), key=to_node(row["key"]), value=row["value"])
        for row in rows
        if row["what"] == "pair"
    ]
    return QkTracing(pairs=pairs, queries=sides["query"], keys=sides["key"]) if rows else None
