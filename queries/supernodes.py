"""Queries about supernodes: which ones exist, their effects on each other, the nodes that a rule matches,
and what supernodes of another graph are in this one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from circuit_atlas.errors import InvalidArgumentError, SupernodeNotFoundError
from circuit_atlas.printable import printable
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_kinds, check_layers, check_positions, check_range
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.node_rows import titled, titled_at, to_node
from circuit_atlas.queries.same_features import Activations
from circuit_atlas.queries.supernode_results import (
    CopiedSupernode,
    SupernodeDetails,
    SupernodeLink,
    SupernodeLinks,
    Supernodes,
)
from circuit_atlas.schema.keys import Kind, feature_place
from circuit_atlas.schema.limits import MAX_ROWS
from circuit_atlas.schema.models import Node

Row = dict[str, Any]
_MAX_LABEL = 150  # characters of a label in the name of a supernode


@graph_query
def list_supernodes(graph: StoredGraph) -> Supernodes:
    """The supernodes of a graph, in order.

    Raises:
        GraphNotFoundError: no such graph is ready.
    """
    rows = ask(graph.database, "supernodes.list", graph=graph.name)
    nodes = titled(graph.database, ((graph.name, to_node(node)) for row in rows for node in row["members"]))
    return Supernodes(graph=graph.name, supernodes=[_details(graph, row, nodes) for row in rows])


@graph_query
def supernode_links(graph: StoredGraph, *, k: int = 1000) -> SupernodeLinks:
    """The links between supernodes as circuit-tracer's frontend draws them, see `circuit_atlas.graph.collapse`;
    at most k, largest |share| first.

    Raises:
        InvalidArgumentError: k is not 1 to 100,000.
        GraphNotFoundError: no such graph is ready.
    """
    check_range("k", k, 1, MAX_ROWS)
    rows = ask(graph.database, "supernodes.links", graph=graph.name, k=min(k + 1, MAX_ROWS))
    notes = [f"There may be more than these {k:,} links."] if len(rows) > k or len(rows) == MAX_ROWS else []
    return SupernodeLinks(graph=graph.name, links=[SupernodeLink(**row) for row in rows[:k]], notes=notes)


def members_by_hand(graph: StoredGraph, addresses: Sequence[str]) -> list[int]:
    """Ordinals of nodes given by addresses, as in `resolve`, each once.

    Raises:
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
    """
    keys = [resolve(graph, address).key for address in addresses]
    rows = [ask(graph.database, "nodes.get", graph=graph.name, key=key)[0] for key in dict.fromkeys(keys)]
    return [row["node"]["ordinal"] for row in rows]


def members_matching(
    graph: StoredGraph,
    text: str,
    *,
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
) -> list[int]:
    """Ordinals of the nodes (features, unless `kinds` says others) whose name or explanation contains `text`, in any
    case.

    Raises:
        InvalidArgumentError: `text` is empty, there is no such kind, or no such node.
    """
    kinds = check_kinds(kinds) or [Kind.FEATURE.value]
    if not text.strip():
        raise InvalidArgumentError("the text is empty", fix="Give a text that the explanations contain.")
    rows = ask(
        graph.database,
        "supernodes.matching",
        graph=graph.name,
        text=text,
        kinds=kinds,
        layers=check_layers(layers, graph.properties["n_layers"]),
        positions=check_positions(positions, graph.properties["n_pos"]),
    )
    if not rows:
        raise InvalidArgumentError(
            f"no {' or '.join(kinds)} of {graph.name!r} has a name or explanation that contains {text!r}",
            fix="Nothing was changed. `circuit-atlas explain` fetches explanations.",
        )
    return [row["node"]["ordinal"] for row in rows]


def same_features(
    graph: StoredGraph, taken: Collection[str] = (), *, layers: Iterable[int] = (), positions: Iterable[int] = ()
) -> dict[str, list[int]]:
    """Ordinals of the nodes of each transcoder feature that is active at several positions, by a name for them: what
    the nodes are called, on one line and cut, with layer and index where others are called the same or a name is
    taken.

    Raises:
        InvalidArgumentError: no feature is active at several positions, or a layer or position is out of range.
    """
    rows = ask(
        graph.database,
        "supernodes.same_feature",
        graph=graph.name,
        layers=check_layers(layers, graph.properties["n_layers"]),
        positions=check_positions(positions, graph.properties["n_pos"]),
    )
    if not rows:
        raise InvalidArgumentError(
            f"no feature of {graph.name!r} is active at several positions", fix="Nothing was changed."
        )
    names = [printable(" ".join(row["name"].split()))[:_MAX_LABEL] for row in rows]
    return {
        _own_name(name, names, taken, row): [node["ordinal"] for node in row["members"]]
        for name, row in zip(names, rows, strict=True)
    }


def check_exist(graph: StoredGraph, names: Sequence[str], existing: Sequence[str]) -> None:
    """Raise SupernodeNotFoundError unless each of `names` is one of the supernodes that a graph has."""
    missing = [name for name in names if name not in existing]
    if missing:
        raise SupernodeNotFoundError(
            f"no supernode is named {missing[0]!r}",
            where=graph.name,
            fix=f"The graph has: {', '.join(existing[:20]) or 'none'}.",
        )


def matched(
    graph: StoredGraph, other: StoredGraph, names: Sequence[str]
) -> tuple[list[CopiedSupernode], dict[str, list[int]]]:
    """The supernodes of a graph (all, if `names` is empty), with the nodes of another graph of the same transcoders
    that match theirs; and the ordinals of these nodes, by name of the supernodes that have any.

    Raises:
        SupernodeNotFoundError: the graph has no supernode of that name.
        InvalidArgumentError: it has no supernodes.
    """
    existing = list_supernodes(graph)
    check_exist(graph, names, [supernode.name for supernode in existing.supernodes])
    if not existing.supernodes:
        raise InvalidArgumentError(f"{graph.name!r} has no supernodes", fix="Name a graph that has some.")
    chosen = [supernode for supernode in existing.supernodes if not names or supernode.name in names]
    activations = Activations(other)
    matches = {node.key: activations.of(node.key) for supernode in chosen for node in supernode.members}
    nodes = titled_at(other, sorted({ordinal for ordinals in matches.values() for ordinal in ordinals}))
    found, members = [], {}
    for supernode in chosen:
        of = {node.key: matches[node.key] for node in supernode.members}
        ordinals = sorted({ordinal for matching in of.values() for ordinal in matching})
        moved = {
            i
            for node in supernode.members
            for i in of[node.key]
            if node.position is not None and nodes[i].position != node.position
        }
        if ordinals:
            members[supernode.name] = ordinals
        found.append(
            CopiedSupernode(
                name=supernode.name,
                members=[nodes[i] for i in ordinals],
                moved=[nodes[i] for i in sorted(moved)],
                left_out=[node for node in supernode.members if not of[node.key]],
            )
        )
    return found, members


def _own_name(name: str, names: list[str], taken: Collection[str], row: Row) -> str:
    place = feature_place(row["layer"], row["index"], row["component"])
    is_free = name not in taken and (names.count(name) == 1 or place in name)
    return name if is_free else f"{name} ({place})"


def _details(graph: StoredGraph, row: Row, nodes: dict[tuple[str, str], Node]) -> SupernodeDetails:
    members = [nodes[graph.name, node["key"]] for node in row["members"]]
    return SupernodeDetails(name=row["name"], source=row["source"], rule=row["rule"], members=members)
