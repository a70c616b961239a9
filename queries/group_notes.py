"""Notes on questions about a collapsed graph: what a restriction does not find in its supernodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from circuit_atlas.printable import first_of
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.keys import Kind

_SHOWN = 5
_PROPERTIES = ("layer", "position", "kind")


def grouped_nodes(graph: StoredGraph) -> dict[str, list[dict[str, Any]]]:
    """The nodes of each supernode of the graph that a graph was collapsed from, by the supernode's name; none if it is
    not a collapsed graph. A node of several supernodes counts in the last."""
    whole = graph.properties.get("collapsed_from")
    rows = ask(graph.database, "supernodes.list", graph=whole) if whole else []
    last = {node["key"]: (row["name"], node) for row in rows for node in row["members"]}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, node in last.values():
        found[name].append(node | {"kind": node["key"].partition(":")[0]})
    return found


def notes_on_groups(graph: StoredGraph, by: Collection[str], features: Iterable[str] = ()) -> list[str]:
    """Notes that a question restricts nodes, or groups them, by what supernodes of a collapsed graph do not have.

    Args:
        graph: the graph.
        by: what nodes are told apart by: `layer`, `position` or `kind`.
        features: places of transcoder features that are named, such as `20/44686`.
    """
    told, named = [name for name in _PROPERTIES if name in by], list(dict.fromkeys(features))
    groups = grouped_nodes(graph) if told or named else {}
    notes = []
    for feature in named:
        start = f"{Kind.FEATURE}:{feature}@"
        holding = [name for name, nodes in groups.items() if any(node["key"].startswith(start) for node in nodes)]
        if holding:
            notes.append(
                f"Supernodes that group activations of {feature} do not count as it: {first_of(holding, _SHOWN)}."
            )
    for of in told:
        mixed = [name for name, nodes in groups.items() if len({node[of] for node in nodes}) > 1]
        if mixed:
            are = f"are of the kind {Kind.OTHER}" if of == "kind" else f"belong to no {of}, and are left out"
            notes.append(f"Supernodes of several {of}s {are}: {first_of(mixed, _SHOWN)}.")
    return notes
