"""Circuits that are stored: which nodes each has, and which nodes a question that is restricted to one may use."""

from __future__ import annotations

from shlex import quote
from typing import Any

from circuit_atlas.database import Rows
from circuit_atlas.errors import CircuitNotFoundError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.suggestions import known_names


def circuit_rows(graph: StoredGraph, name: str | None = None) -> list[dict[str, Any]]:
    """Rows of circuits.list. A collapsed graph has the circuits of the whole graph: they hold what their nodes have
    become."""
    whole = graph.properties.get("collapsed_from")
    if whole:
        return ask(graph.database, "circuits.collapsed", graph=graph.name, whole=whole, name=name)
    return ask(graph.database, "circuits.list", graph=graph.name, name=name)


def held_nodes(graph: StoredGraph, name: str) -> list[dict[str, Any]]:
    """The nodes that a circuit holds, with their ordinals.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name; the message names those that it has.
    """
    rows = circuit_rows(graph, name)
    if not rows:
        raise circuit_not_found(graph, name)
    nodes: list[dict[str, Any]] = rows[0]["nodes"]
    return nodes


def circuit_not_found(graph: StoredGraph, name: str) -> CircuitNotFoundError:
    """The error that names the circuits that a graph has."""
    known = known_names(name, [row["name"] for row in circuit_rows(graph)], command=f"circuits {quote(graph.name)}")
    return CircuitNotFoundError(
        f"no circuit is named {name!r}",
        where=graph.name,
        fix=known or f"The graph has none; `circuit-atlas circuit {quote(graph.name)} --name NAME` stores one.",
    )


def nodes_within(graph: StoredGraph, name: str) -> list[str]:
    """Keys of the nodes of a circuit, and of all tokens and logits.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name.
    """
    held = [node["key"] for node in held_nodes(graph, name)]
    return list(dict.fromkeys([*held, *(row["key"] for row in _ends(graph))]))


def pins_of(graph: StoredGraph, name: str) -> list[int]:
    """Ordinals of the nodes of a circuit, of all tokens and of the most probable logit: what a page shows of it.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name.
    """
    shown = {node["ordinal"] for node in held_nodes(graph, name)}
    best = graph.logits[0]["key"] if graph.logits else None
    logit = f"{Kind.LOGIT}:"
    shown.update(row["ordinal"] for row in _ends(graph) if row["key"] == best or not row["key"].startswith(logit))
    return sorted(shown)


def _ends(graph: StoredGraph) -> Rows:
    """Keys and ordinals of the nodes that belong to every circuit: tokens and logits."""
    return ask(graph.database, "nodes.starting", graph=graph.name, starts=[f"{Kind.TOKEN}:", f"{Kind.LOGIT}:"])
