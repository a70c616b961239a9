"""Contrasts: a weighted sum of targets, such as the difference of two logits, in the place of one target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from circuit_atlas.database import Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.numbers import as_float
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.contrast_results import Contrast, ContrastPart, signed_sum
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.node_rows import titled, to_node
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Node


def contrast_of(
    graph: StoredGraph, targets: Sequence[str], minus: Sequence[str], weights: Mapping[str, float] | None
) -> Contrast | None:
    """The sum of some targets without others; None without `minus` and `weights`.

    Args:
        graph: the graph.
        targets: addresses of the nodes that are added; the most probable logit when empty.
        minus: addresses of the nodes that are subtracted.
        weights: the weight in the sum of nodes among them, by address; 1 for the others.

    Raises:
        InvalidArgumentError: a node is given twice, a weight is of no such node or not a positive number, there is no
            logit to default to, nothing acts on a node, or the graph's weights are shares of inputs, so that they
            cannot be added up. That all effects cancel is found out where they are read.
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
    """
    return difference(graph, targets, minus, weights or {}) if minus or weights else None


def difference(
    graph: StoredGraph, targets: Sequence[str], minus: Sequence[str], weights: Mapping[str, float]
) -> Contrast:
    """See `contrast_of`."""
    _check_linear(graph)
    added = [resolve(graph, address, prefer=Kind.LOGIT) for address in targets] or [_best_logit(graph)]
    taken = [resolve(graph, address, prefer=Kind.LOGIT) for address in minus]
    factor: dict[str, float] = {}
    for node, sign in [*((node, 1.0) for node in added), *((node, -1.0) for node in taken)]:
        if node.key in factor:
            raise InvalidArgumentError(
                f"{node.key} ({node.name}) is in the contrast twice",
                fix="Name each node once, among the targets (--to) or those to subtract (--minus).",
            )
        if not ask(graph.database, "nodes.get", graph=graph.name, key=node.key)[0]["inputs"]:
            raise InvalidArgumentError(
                f"nothing acts on {node.key} ({node.name}), so it cannot be added or subtracted",
                where=graph.name,
                fix="Name logits, or other nodes with inputs.",
            )
        factor[node.key] = sign
    for key, weight in _weights_by_key(graph, weights, factor).items():
        factor[key] *= weight
    nodes = titled(graph.database, ((graph.name, node) for node in [*added, *taken]))
    parts = [ContrastPart(node=nodes[graph.name, key], weight=weight) for key, weight in factor.items()]
    kind = Kind.LOGIT if all(part.node.kind is Kind.LOGIT for part in parts) else Kind.OTHER
    # A token of the same name is not meant among logits.
    by_name = kind is Kind.LOGIT and len({part.node.name for part in parts}) == len(parts)
    name = signed_sum([(part.weight, part.node.name if by_name else part.node.title) for part in parts])
    return Contrast(
        node=to_node({"key": f"{kind}:contrast/{name}", "name": name}),
        parts=parts,
        edge_threshold=graph.properties.get("edge_threshold"),
    )


def effects_on(graph: StoredGraph, contrast: Contrast, parameters: Mapping[str, Any]) -> Rows:
    """Rows of neighbors.contrast: the strongest effects on a contrast.

    Args:
        graph: the graph.
        contrast: what they act on.
        parameters: which effects, as for neighbors.direct.

    Raises:
        InvalidArgumentError: the parts of the contrast cancel.
    """
    parts = {part.node.key: part.weight for part in contrast.parts}
    which = {name: parameters[name] for name in ("k", "sign", "kinds", "layers", "within")}
    rows = ask(graph.database, "neighbors.contrast", graph=graph.name, parts=parts, **which)
    if not rows and not ask(graph.database, "neighbors.contrast", graph=graph.name, parts=parts, k=1):
        raise cancels(graph, contrast)
    return rows


def cancels(graph: StoredGraph, contrast: Contrast) -> InvalidArgumentError:
    """The error that nothing is left of a contrast."""
    return InvalidArgumentError(
        f"the parts of {contrast.node.name} cancel: no effect is left", where=graph.name, fix="Name other nodes."
    )


def _best_logit(graph: StoredGraph) -> Node:
    if not graph.logits:
        raise InvalidArgumentError("the graph has no logits", where=graph.name, fix="Name targets (--to).")
    return to_node(graph.logits[0])


def _weights_by_key(graph: StoredGraph, weights: Mapping[str, Any], parts: Collection[str]) -> dict[str, float]:
    """Weights by key of the node that each address means, which has to be one of `parts`."""
    found: dict[str, float] = {}
    for address, weight in weights.items():
        key = resolve(graph, address, prefer=Kind.LOGIT).key
        if key not in parts:
            raise InvalidArgumentError(
                f"a weight is given for {address!r}, which is not in the contrast",
                fix="Name it among the targets (--to) or those to subtract (--minus), too.",
            )
        if key in found:
            raise InvalidArgumentError(f"two weights are given for {key}", fix="Give one.")
        number = as_float(weight)
        if number is None or number <= 0:
            raise InvalidArgumentError(
                f"the weight of {address!r} cannot be {weight!r}",
                fix="It must be a positive number; a node to subtract is given with --minus.",
            )
        found[key] = number
    return found


def _check_linear(graph: StoredGraph) -> None:
    """Refuse graphs whose weights are shares of the inputs of their target: those of two targets cannot be added."""
    if fix := how_to_sum(graph):
        raise InvalidArgumentError(
            "the weights of the graph are shares of each target's inputs, so targets cannot be added or subtracted",
            where=graph.name,
            fix=fix,
        )


def how_to_sum(graph: StoredGraph) -> str | None:
    """If the weights of a graph are shares of each target's inputs: how to make it with sums of direct effects."""
    stored = graph.properties
    whole = stored.get("collapsed_from")
    made_of = find_graph(graph.database, whole).properties if whole else stored
    if stored.get("collapsed_weights") == "shares":
        return "Collapse it with sums (`circuit-atlas collapse GRAPH --weights sums`)."
    if made_of.get("aggregated_weight") == "normalised":
        return "Make the aggregate with mean weights (`circuit-atlas aggregate --weight mean`)."
    return None
