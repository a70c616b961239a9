"""Queries about the neighbourhood of a node: its direct effects, and those a few hops around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from circuit_atlas.database import Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.intervals import mean_over
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_layers, check_range
from circuit_atlas.queries.circuits import nodes_within
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.group_notes import notes_on_groups
from circuit_atlas.queries.neighbor_results import AggregatedNeighbor, DirectEffect, Neighbor, Neighbors, Subgraph
from circuit_atlas.queries.node_rows import rows_at, to_node
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.keys import parse_key
from circuit_atlas.schema.limits import DIRECTIONS, EFFECT_SIGNS, MAX_NEIGHBORS, MAX_ROWS
from circuit_atlas.schema.models import Node

MAX_SUBGRAPH_HOPS = 4
_MAX_EFFECTS = 10_000  # effects that a neighbourhood may have to be asked for in one statement


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
    """The k strongest direct effects on a node and from it.

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
    node, rows = _asked(graph, "neighbors.direct", address, ["center"], parameters)
    sides: dict[str, list[Neighbor]] = {"in": [], "out": []}
    for row in rows:
        sides[row["direction"]].append(_neighbor(row, graph.properties.get("aggregated_graphs")))
    found = {"graph": graph.name, "node": node, **sides}
    return Neighbors.model_validate({**found, "notes": _notes(graph, parameters)})


def _asked(
    graph: StoredGraph, query_id: str, address: str, columns: Sequence[str], parameters: dict[str, Any]
) -> tuple[Node, Rows]:
    """A node, and the rows of a query about it, one of whose `columns` has the node. To look up a key first would be a
    statement more."""
    if parse_key(address):
        rows = ask(graph.database, query_id, graph=graph.name, key=address, **parameters)
        for row, column in product(rows, columns):
            if row[column]["key"] == address:
                return to_node(row[column]), rows
    node = resolve(graph, address)
    return node, ask(graph.database, query_id, graph=graph.name, key=node.key, **parameters)


def _neighbor(row: dict[str, Any], graphs: int | None) -> Neighbor:
    """A row of neighbors.direct; `graphs` is how many graphs an aggregate was made of."""
    found, statistics = {"node": to_node(row["node"]), "weight": row["weight"]}, row["statistics"]
    if graphs is None or statistics is None:
        return Neighbor(**found)
    _, low, high = mean_over(graphs, row["weight"], statistics["weight_sd"])
    return AggregatedNeighbor(**found, weight_low=low, weight_high=high, **statistics)


def _neighbors_of_contrast(graph: StoredGraph, contrast: Contrast, parameters: dict[str, Any]) -> Neighbors:
    from circuit_atlas.queries.contrast import effects_on

    rows = effects_on(graph, contrast, parameters)
    incoming = [Neighbor(node=to_node(row["node"]), weight=row["weight"]) for row in rows]
    found = {"graph": graph.name, "node": contrast.node, "in": incoming, "out": [], "contrast": contrast}
    return Neighbors.model_validate({**found, "notes": _notes(graph, parameters)})


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
    k: int = 10,
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
    if contrast is None and (2 * k) ** hops <= _MAX_EFFECTS:
        node, nodes, effects = _at_once(graph, address, hops, parameters)
    else:
        node = contrast.node if contrast else resolve(graph, address)
        nodes, effects = _hop_by_hop(graph, node, hops, parameters, contrast)
    found = {"graph": graph.name, "node": node, "hops": hops, "nodes": list(nodes.values()), "edges": effects}
    return Subgraph.model_validate({**found, "contrast": contrast, "notes": _notes(graph, parameters)})


def _at_once(
    graph: StoredGraph, address: str, hops: int, parameters: dict[str, Any]
) -> tuple[Node, dict[str, Node], list[DirectEffect]]:
    """A node and its neighbourhood in one statement, which would run out of memory in a large one."""
    node, rows = _asked(graph, "neighbors.subgraph", address, ["source", "target"], {"hops": hops, **parameters})
    nodes = {node.key: node}
    for row in rows:
        for end in (row["source"], row["target"]):
            nodes.setdefault(end["key"], to_node(end))
    return (
        node,
        nodes,
        [DirectEffect(source=row["source"]["key"], target=row["target"]["key"], weight=row["weight"]) for row in rows],
    )


def _hop_by_hop(
    graph: StoredGraph, node: Node, hops: int, parameters: dict[str, Any], contrast: Contrast | None
) -> tuple[dict[str, Node], list[DirectEffect]]:
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


def _notes(graph: StoredGraph, parameters: dict[str, Any]) -> list[str]:
    """Notes on restrictions to kinds or layers."""
    return notes_on_groups(graph, [name for name in ("layer", "kind") if parameters[f"{name}s"]])


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
