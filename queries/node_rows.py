"""Nodes of answers, from the rows of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.one_answer import namesakes
from circuit_atlas.schema.models import Node


def rows_at(graph: StoredGraph, ordinals: Sequence[int], contrast: Contrast | None = None) -> dict[int, dict[str, Any]]:
    """The values of nodes that answers show, by ordinal; the node of a contrast comes after all that are stored."""
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
    rows = namesakes(database, [list(name) for name in names]) if names else []
    crowded = {(row["graph"], row["name"]): row["crowded"] for row in rows}

    def title(graph: str, node: Node) -> Node:
        places = crowded.get((graph, node.name))
        return node if places is None else node.titled(crowded=[node.layer, node.position] in places)

    return {place: title(place[0], node) for place, node in found.items()}


def to_node(properties: dict[str, Any]) -> Node:
    """The node of a row."""
    return Node(**{name: properties.get(name) for name in ("key", "name", "layer", "position", "index", "source_id")})
