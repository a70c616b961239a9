"""Queries about one node: which node an address means, its properties and its neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.errors import AmbiguousNodeError, NodeNotFoundError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_range
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.results import (
    DirectEffect,
    Neighbor,
    Neighbors,
    NodeDetails,
    QkMarginal,
    QkPair,
    QkTracing,
    Subgraph,
    TranscoderFeature,
)
from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, ATTENTION_STEP, KIND_NAMES, SUPERNODE, Component, Kind
from circuit_atlas.schema.limits import MAX_NEIGHBORS
from circuit_atlas.schema.models import Node

MAX_SUBGRAPH_HOPS = 4
_SIGNS = {"abs": 0, "positive": 1, "negative": -1}
_DIRECTIONS = ("in", "out", "both")


def resolve(graph: StoredGraph, address: str, *, prefer: Kind | None = None) -> Node:
    """The node that an address means.

    An address is a key (`token:6`, `feature:8/37691@6`, `error:5@3`, `logit:22605@10`), a key without its
    position (`logit:22605`), a name (`Austin`, `logit:Austin`), the `node_id` of the graph's file, or, in a collapsed
    graph, a supernode (`supernode:Texas`).

    Args:
        graph: the graph.
        address: the address.
        prefer: of several nodes that fit, the one of this kind, if it is one.

    Raises:
        NodeNotFoundError: no node matches.
        AmbiguousNodeError: several nodes fit equally well; they are listed.
    """
    exact = ask(graph.database, "nodes.get", graph=graph.name, key=address)
    if exact:
        return to_node(exact[0]["node"])
    prefix, _, rest = address.partition(":")
    if prefix == SUPERNODE and rest:
        prefix, rest, address = "", "", f"{SUPERNODE}/{rest}"
    has_kind = prefix in KIND_NAMES and bool(rest)
    rows = ask(
        graph.database,
        "nodes.find",
        graph=graph.name,
        text=rest if has_kind else address,
        kind=prefix if has_kind else "",
    )
    best = [to_node(row["node"]) for row in rows if row["rank"] == rows[0]["rank"]]
    preferred = [node for node in best if node.kind is prefer]
    if len(preferred) == 1:
        return preferred[0]
    if not best:
        raise NodeNotFoundError(
            f"no node of {graph.name!r} matches {address!r}",
            fix="Give a key such as token:6, logit:Austin, feature:8/37691@6 or error:5@3, or a node's name.",
        )
    if len(best) > 1:
        listed = "\n".join(f"    {node.key:<28} {node.name}" for node in best)
        raise AmbiguousNodeError(
            f"{address!r} matches {len(best)} nodes of {graph.name!r}",
            candidates=[node.key for node in best],
            fix=f"Give one of these keys:\n{listed}",
        )
    return best[0]


@graph_query
def node_details(graph: StoredGraph, address: str) -> NodeDetails:
    """What is known of a node, given by an address as in `resolve`."""
    node = resolve(graph, address)
    row = ask(graph.database, "nodes.get", graph=graph.name, key=node.key)[0]
    stored = row["node"]
    n_layers = graph.properties["n_layers"]
    depth = {Kind.TOKEN: -1, Kind.LOGIT: n_layers}.get(node.kind, node.layer)
    if depth is not None and node.component in ATTENTION_COMPONENTS:
        depth -= ATTENTION_STEP
    feature = row["transcoder_feature"]
    optional = ("token", "activation", "probability", "influence", "cumulative_influence", "feature_type")
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


@graph_query
def neighbors(
    graph: StoredGraph,
    address: str,
    *,
    direction: str = "both",
    k: int = 10,
    sign: str = "abs",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
) -> Neighbors:
    """The k strongest direct effects on a node and of it.

    Args:
        graph: the graph.
        address: the node, as in `resolve`.
        direction: `in`, `out` or `both`.
        k: how many each way, 1 to 10,000.
        sign: `abs` ranks by |weight|, `positive` by weight, `negative` the most inhibiting first.
        kinds: only neighbours of these kinds.
        layers: only neighbours in these layers.

    Raises:
        InvalidArgumentError: an argument is out of range.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    node = resolve(graph, address)
    parameters = _neighbourhood(direction, k, sign, kinds, layers)
    rows = ask(graph.database, "neighbors.direct", graph=graph.name, key=node.key, **parameters)
    sides: dict[str, list[Neighbor]] = {"in": [], "out": []}
    for row in rows:
        sides[row["direction"]].append(Neighbor(node=to_node(row["node"]), weight=row["weight"]))
    return Neighbors.model_validate({"graph": graph.name, "node": node, **sides})


@graph_query
def subgraph(
    graph: StoredGraph,
    address: str,
    *,
    hops: int = 2,
    direction: str = "both",
    k: int = 5,
    sign: str = "abs",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
) -> Subgraph:
    """The neighbourhood up to `hops` (1 to 4) hops wide, the k strongest effects of each node; see `neighbors`."""
    check_range("hops", hops, 1, MAX_SUBGRAPH_HOPS)
    node = resolve(graph, address)
    parameters = _neighbourhood(direction, k, sign, kinds, layers)
    rows = ask(graph.database, "neighbors.subgraph", graph=graph.name, key=node.key, hops=hops, **parameters)
    nodes = {node.key: node}
    for row in rows:
        for end in (row["source"], row["target"]):
            nodes.setdefault(end["key"], to_node(end))
    effects = [
        DirectEffect(source=row["source"]["key"], target=row["target"]["key"], weight=row["weight"]) for row in rows
    ]
    return Subgraph.model_validate(
        {"graph": graph.name, "node": node, "hops": hops, "nodes": list(nodes.values()), "edges": effects}
    )


def _neighbourhood(direction: str, k: int, sign: str, kinds: Iterable[str], layers: Iterable[int]) -> dict[str, Any]:
    check_choice("direction", direction, _DIRECTIONS)
    check_choice("sign", sign, tuple(_SIGNS))
    check_range("k", k, 1, MAX_NEIGHBORS)
    return {
        "incoming": direction != "out",
        "outgoing": direction != "in",
        "k": k,
        "sign": _SIGNS[sign],
        "kinds": check_kinds(kinds),
        "layers": list(layers),
    }


def titled(database: Database, nodes: Iterable[tuple[str, Node]]) -> dict[tuple[str, str], Node]:
    """Nodes by graph and key. Those whose names other nodes of their graph have get their place in their title.

    Args:
        database: the database.
        nodes: nodes, each with the name of its graph.
    """
    found = {(graph, node.key): node for graph, node in nodes}
    names = dict.fromkeys((graph, node.name) for (graph, _), node in found.items())
    rows = ask(database, "nodes.namesakes", named=[list(name) for name in names]) if names else []
    crowded = {(row["graph"], row["name"]): row["crowded"] for row in rows}

    def title(graph: str, node: Node) -> Node:
        places = crowded.get((graph, node.name))
        return node if places is None else node.titled(crowded=[node.layer, node.position] in places)

    return {place: title(place[0], node) for place, node in found.items()}


def to_node(properties: dict[str, Any]) -> Node:
    """The node of a row."""
    return Node(**{name: properties.get(name) for name in ("key", "name", "layer", "position", "index", "source_id")})
