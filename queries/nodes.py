"""Queries about one node: which node an address means, its properties and its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.errors import AmbiguousNodeError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_layers, check_range
from circuit_atlas.queries.circuits import nodes_within
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.graphs import StoredGraph, find_graph, graph_query
from circuit_atlas.queries.results import (
    AggregatedNeighbor,
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
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.keys import (
    ATTENTION_COMPONENTS,
    ATTENTION_STEP,
    KIND_NAMES,
    SUPERNODE,
    Component,
    Kind,
    feature_place,
    parse_key,
)
from circuit_atlas.schema.limits import DIRECTIONS, EFFECT_SIGNS, MAX_MATCHES, MAX_NEIGHBORS, MAX_ROWS
from circuit_atlas.schema.models import Node
from circuit_atlas.suggestions import did_you_mean

MAX_SUBGRAPH_HOPS = 4
_AT_ONCE = 10_000  # effects that a neighbourhood may have to be asked for in one statement
# Short addresses, see `resolve`.
_PLACE = re.compile(r"\d{1,9}/(?:lorsa/)?\d{1,15}(?:@\d{1,9})?")
_FROM_END = re.compile(r"(?P<before>token:|.*@)-(?P<back>[1-9]\d{0,8})", re.DOTALL)
_RANKED_LOGIT = re.compile(r"logit:(?P<rank>[1-9]\d{0,2})")
_LOGIT_BY_RANK = re.compile(r"logit:\d{1,3}")  # which a vocabulary entry may be, too


def resolve(graph: StoredGraph, address: str, *, prefer: Kind | None = None) -> Node:
    """The node that an address means.

    An address is a key (`token:6`, `feature:8/37691@6`, `error:5@3`, `logit:22605@10`), a key without its
    position (`logit:22605`), a name (`Austin`, `logit:Austin`), the `node_id` of the graph's file, or, in a collapsed
    graph, a supernode (`supernode:Texas`). A name may be given in any case if only one node fits.

    What no node is called may also be `8/37691` or `8/37691@6`, a feature; `logit:1`, the most probable logit; or
    a key with a position from the end: `token:-1` is the last token.

    Args:
        graph: the graph.
        address: the address.
        prefer: of several nodes that fit, the one of this kind, if it is one.

    Raises:
        NodeNotFoundError: no node matches; the message names nodes that are called alike.
        AmbiguousNodeError: several nodes fit equally well; they are listed.
    """
    best = _matches(graph, address, prefer)
    if not best and (meant := _meant(graph, address)):
        best = _matches(graph, meant, prefer)
    preferred = [node for node in best if node.kind is prefer]
    if len(preferred) == 1:
        return preferred[0]
    if not best:
        raise _not_found(graph, address)
    if len(best) > 1:
        listed = "\n".join(f"    {node.key:<28} {node.name}" for node in best)
        raise AmbiguousNodeError(
            f"{address!r} matches {len(best)}{' or more' * (len(best) == MAX_MATCHES)} nodes of {graph.name!r}",
            candidates=[node.key for node in best],
            fix=f"Give one of these keys:\n{listed}",
        )
    return best[0]


def resolve_feature(graph: StoredGraph, address: str) -> Node:
    """The node that an address means, as in `resolve`. When it fits several activations of one feature, any of them
    will do.

    Raises:
        NodeNotFoundError: no node matches.
        AmbiguousNodeError: several nodes fit that are not activations of one feature.
    """
    try:
        return resolve(graph, address)
    except AmbiguousNodeError as error:
        parts = [parse_key(key) for key in error.candidates]
        features = {part._replace(position=None) if part and part.kind is Kind.FEATURE else None for part in parts}
        is_place = error.candidates[0].startswith((f"{address}@", f"feature:{address}@"))
        is_cut = len(parts) == MAX_MATCHES and not is_place  # there may be another feature of that name
        if len(features) > 1 or None in features or is_cut:
            raise
        return resolve(graph, error.candidates[0])


def _matches(graph: StoredGraph, address: str, prefer: Kind | None = None) -> list[Node]:
    """The nodes that an address fits best: the one that has it as key, or those of the first way to fit, at most
    `MAX_MATCHES`, those of the kind preferred first."""
    exact = ask(graph.database, "nodes.get", graph=graph.name, key=address)
    if exact:
        return [to_node(exact[0]["node"])]
    kind, text = _kind_and_text(address)
    rows = ask(graph.database, "nodes.find", graph=graph.name, text=text, kind=kind, prefer=prefer or "")
    return [to_node(row["node"]) for row in rows if row["rank"] == rows[0]["rank"]]


def _kind_and_text(address: str) -> tuple[str, str]:
    """The kind that an address names, or an empty text, and the rest of the address."""
    prefix, _, rest = address.partition(":")
    if prefix == SUPERNODE and rest:
        return "", f"{SUPERNODE}/{rest}"
    return (prefix, rest) if prefix in KIND_NAMES and rest else ("", address)


def _meant(graph: StoredGraph, address: str) -> str | None:
    """The key, or the key without its position, that a short address stands for; None if it is none."""
    if found := _FROM_END.fullmatch(address):
        position = graph.properties["n_pos"] - int(found["back"])
        if position < 0:
            return None
        address = f"{found['before']}{position}"
    elif (found := _RANKED_LOGIT.fullmatch(address)) and int(found["rank"]) <= len(graph.logits):
        key: str = graph.logits[int(found["rank"]) - 1]["key"]
        return key
    elif not _PLACE.fullmatch(address):
        return None
    return f"feature:{address}" if _PLACE.fullmatch(address) else address


def _not_found(graph: StoredGraph, address: str) -> NodeNotFoundError:
    """The error that names nodes that are called alike, or tells where a feature is active, or what groups the node."""
    if holders := _supernodes_of(graph, address):
        return NodeNotFoundError(
            f"{address!r} is part of a supernode of {graph.name!r}", fix=f"Name the supernode: {' or '.join(holders)}."
        )
    kind, text = _kind_and_text(address)
    given = parse_key(_meant(graph, address) or address)
    if _LOGIT_BY_RANK.fullmatch(address):
        fix = f"Ranks of logits are 1 to {len(graph.logits)}." if graph.logits else "The graph has no logits."
    elif _FROM_END.fullmatch(address) and given is None:
        fix = f"Positions are 0 to {graph.properties['n_pos'] - 1}, or -{graph.properties['n_pos']} to -1."
    elif given is None or given.position is None:
        rows = ask(graph.database, "nodes.names", graph=graph.name, kind=kind)
        fix = did_you_mean(text, [row["name"] for row in rows])
    elif given.kind is Kind.FEATURE:
        elsewhere = _matches(graph, f"feature:{feature_place(given.layer, given.index, given.component)}")
        fix = f"This feature is active at {', '.join(node.key for node in elsewhere[:10])}." if elsewhere else ""
    else:
        fix = f"Positions are 0 to {graph.properties['n_pos'] - 1}."
    forms = "Give a key such as token:6, logit:Austin, feature:8/37691@6 or error:5@3, or a node's name."
    return NodeNotFoundError(f"no node of {graph.name!r} matches {address!r}", fix=f"{fix} {forms}".strip())


def _supernodes_of(graph: StoredGraph, address: str) -> list[str]:
    """In a collapsed graph, the addresses of the supernodes that group what the address means in the whole graph."""
    whole = graph.properties.get("collapsed_from")
    found = find_graph(graph.database, whole) if whole else None
    if found is None or not (meant := _matches(found, address) or _matches(found, _meant(found, address) or address)):
        return []
    keys = {node.key for node in meant}
    rows = ask(graph.database, "supernodes.list", graph=found.name)
    return [f"{SUPERNODE}:{row['name']}" for row in rows if any(node["key"] in keys for node in row["members"])]


@graph_query
def node_details(graph: StoredGraph, address: str) -> NodeDetails:
    """What is known of a node, given by an address as in `resolve`.

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


@graph_query
def neighbors(
    graph: StoredGraph,
    address: str,
    *,
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    direction: str = "both",
    k: int = 10,
    sign: str = "abs",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    circuit: str | None = None,
) -> Neighbors:
    """The k strongest direct effects on a node and of it.

    Args:
        graph: the graph.
        address: the node, as in `resolve`.
        minus: addresses of nodes that are subtracted from it: the effects are those on the difference, which is not
            stored and acts on nothing; see `search_paths`.
        weights: weights of the nodes in the difference, by address; 1 for the others.
        direction: `in`, `out` or `both`.
        k: how many each way, 1 to 10,000.
        sign: `abs` ranks by |weight|, `positive` by weight, `negative` the most inhibiting first.
        kinds: only neighbours of these kinds.
        layers: only neighbours in these layers.
        circuit: name of a circuit: only neighbours among its nodes, tokens and logits.

    Raises:
        InvalidArgumentError: an argument is out of range; or see `contrast_of`.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    parameters = _neighbourhood(graph, direction, k, sign, kinds, layers, circuit)
    if minus or weights:
        return _neighbors_of_contrast(graph, _contrast(graph, address, minus, weights, direction), parameters)
    node = resolve(graph, address)
    rows = ask(graph.database, "neighbors.direct", graph=graph.name, key=node.key, **parameters)
    sides: dict[str, list[Neighbor]] = {"in": [], "out": []}
    for row in rows:
        found: dict[str, Any] = {"node": to_node(row["node"]), "weight": row["weight"]}
        statistics = row["statistics"]
        sides[row["direction"]].append(AggregatedNeighbor(**found, **statistics) if statistics else Neighbor(**found))
    return Neighbors.model_validate({"graph": graph.name, "node": node, **sides})


def _neighbors_of_contrast(graph: StoredGraph, contrast: Contrast, parameters: dict[str, Any]) -> Neighbors:
    from circuit_atlas.queries.contrast import effects_on

    rows = effects_on(graph, contrast, parameters)
    incoming = [Neighbor(node=to_node(row["node"]), weight=row["weight"]) for row in rows]
    found = {"graph": graph.name, "node": contrast.node, "in": incoming, "out": [], "contrast": contrast}
    return Neighbors.model_validate(found)


def _contrast(
    graph: StoredGraph, address: str, minus: Sequence[str], weights: Mapping[str, float] | None, direction: str
) -> Contrast:
    """A node without others; see `contrast_of`."""
    from circuit_atlas.queries.contrast import difference

    if direction == "out":
        raise InvalidArgumentError("a contrast acts on nothing", fix="Ask for the effects on it (--direction in).")
    return difference(graph, [address], minus, weights or {})


@graph_query
def subgraph(
    graph: StoredGraph,
    address: str,
    *,
    hops: int = 2,
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    direction: str = "both",
    k: int = 5,
    sign: str = "abs",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    circuit: str | None = None,
) -> Subgraph:
    """The neighbourhood up to `hops` (1 to 4) hops wide, the k strongest effects of each node; see `neighbors`.

    Raises:
        InvalidArgumentError: as for `neighbors`, `hops` is out of range, or the neighbourhood has more than 100,000
            effects.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
        GraphNotFoundError: no graph of that name is ready.
    """
    check_range("hops", hops, 1, MAX_SUBGRAPH_HOPS)
    parameters = _neighbourhood(graph, direction, k, sign, kinds, layers, circuit)
    contrast = _contrast(graph, address, minus, weights, direction) if minus or weights else None
    node = contrast.node if contrast else resolve(graph, address)
    if contrast is None and (2 * k) ** hops <= _AT_ONCE:
        nodes, effects = _at_once(graph, node, hops, parameters)
    else:
        nodes, effects = _hop_by_hop(graph, node, hops, parameters, contrast)
    found = {"graph": graph.name, "node": node, "hops": hops, "nodes": list(nodes.values()), "edges": effects}
    return Subgraph.model_validate({**found, "contrast": contrast})


_Neighbourhood = tuple[dict[str, Node], list[DirectEffect]]  # nodes by key, and the effects between them


def _at_once(graph: StoredGraph, node: Node, hops: int, parameters: dict[str, Any]) -> _Neighbourhood:
    """A neighbourhood in one statement, which would run out of memory in a large one."""
    rows = ask(graph.database, "neighbors.subgraph", graph=graph.name, key=node.key, hops=hops, **parameters)
    nodes = {node.key: node}
    for row in rows:
        for end in (row["source"], row["target"]):
            nodes.setdefault(end["key"], to_node(end))
    return nodes, [
        DirectEffect(source=row["source"]["key"], target=row["target"]["key"], weight=row["weight"]) for row in rows
    ]


def _hop_by_hop(
    graph: StoredGraph, node: Node, hops: int, parameters: dict[str, Any], contrast: Contrast | None
) -> _Neighbourhood:
    """A neighbourhood in a statement for each hop or more.

    Raises:
        InvalidArgumentError: it has more than 100,000 effects.
    """
    from circuit_atlas.queries.contrast import effects_on

    if contrast:
        first = graph.properties["nodes"]
    else:
        first = ask(graph.database, "nodes.get", graph=graph.name, key=node.key)[0]["node"]["ordinal"]
    found: dict[tuple[int, int], float] = {}
    seen = frontier = {first}
    for hop in range(hops):
        if contrast and not hop:
            on_contrast = effects_on(graph, contrast, parameters)
            rows = iter([{"source": row["ordinal"], "target": first, "weight": row["weight"]} for row in on_contrast])
        else:
            rows = _effects(graph, sorted(frontier), parameters)
        for row in rows:
            found[row["source"], row["target"]] = row["weight"]
            if len(found) > MAX_ROWS:
                raise InvalidArgumentError(
                    f"this neighbourhood has more than {MAX_ROWS:,} effects", fix="Ask for fewer hops, or a smaller k."
                )
        frontier = {end for ends in found for end in ends} - seen
        seen = seen | frontier
    shown = sorted(found.items(), key=lambda effect: (-abs(effect[1]), effect[0]))
    ordinals = list(dict.fromkeys([first, *(end for ends, _ in shown for end in ends)]))
    by_ordinal = {ordinal: to_node(row) for ordinal, row in rows_at(graph, ordinals, contrast).items()}
    return {by_ordinal[ordinal].key: by_ordinal[ordinal] for ordinal in ordinals}, [
        DirectEffect(source=by_ordinal[source].key, target=by_ordinal[target].key, weight=weight)
        for (source, target), weight in shown
    ]


def _effects(graph: StoredGraph, ordinals: list[int], parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of neighbors.effects of nodes, of as many of them at a time as have no more effects than a query returns."""
    at_once = max(MAX_ROWS // (2 * parameters["k"]), 1)
    for some in batches(ordinals, at_once):
        yield from ask(graph.database, "neighbors.effects", graph=graph.name, ordinals=some, **parameters)


def _neighbourhood(
    graph: StoredGraph,
    direction: str,
    k: int,
    sign: str,
    kinds: Iterable[str],
    layers: Iterable[int],
    circuit: str | None,
) -> dict[str, Any]:
    check_choice("direction", direction, DIRECTIONS)
    check_choice("sign", sign, tuple(EFFECT_SIGNS))
    check_range("k", k, 1, MAX_NEIGHBORS)
    return {
        "incoming": direction != "out",
        "outgoing": direction != "in",
        "k": k,
        "sign": EFFECT_SIGNS[sign],
        "kinds": check_kinds(kinds),
        "layers": check_layers(layers, graph.properties["n_layers"]),
        "within": [] if circuit is None else nodes_within(graph, circuit),
    }


def rows_at(graph: StoredGraph, ordinals: Sequence[int], contrast: Contrast | None = None) -> dict[int, dict[str, Any]]:
    """What answers show of nodes, by ordinal; the node of a contrast comes after all that are stored."""
    rows = ask(graph.database, "nodes.at", graph=graph.name, ordinals=list(ordinals))
    found: dict[int, dict[str, Any]] = {row["ordinal"]: row["node"] for row in rows}
    if contrast is not None and graph.properties["nodes"] in ordinals:
        found[graph.properties["nodes"]] = {"key": contrast.node.key, "name": contrast.node.name}
    return found


def titled_at(graph: StoredGraph, ordinals: Sequence[int], contrast: Contrast | None = None) -> dict[int, Node]:
    """Nodes as of `rows_at`, with titles as of `titled`."""
    rows = rows_at(graph, ordinals, contrast)
    nodes = titled(graph.database, ((graph.name, to_node(row)) for row in rows.values()))
    return {ordinal: nodes[graph.name, row["key"]] for ordinal, row in rows.items()}


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
