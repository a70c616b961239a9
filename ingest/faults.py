"""Faults of files that several readers find. One fault in many places of a file is one line: the first place, how many
there are, and a few more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuit_atlas.errors import InputError
from circuit_atlas.printable import first_of
from circuit_atlas.schema.limits import MAX_GRAPH_NODES

_SHOWN = 3  # further places


def refuse(what: str, path: Path, field: str, places: Sequence[int], fix: str) -> InputError:
    """The error for a fault in some entries of a list of a file.

    Args:
        what: what is wrong with the first of them.
        path: the file.
        field: the name of the list.
        places: the indices of the entries in which it is wrong, ascending; at least one.
        fix: what the user can do.
    """
    others = places[1:]
    if others:
        named = first_of([f"{field}[{i}]" for i in others[: _SHOWN + 1]], _SHOWN)
        what += f" (the first of {len(places):,} such {field}; others are {named})"
    return InputError(what, where=f"{path}: {field}[{places[0]}]", fix=fix)


def too_many_nodes(number: int, where: str | None) -> InputError:
    """The error for a graph with more nodes than a graph may have."""
    return InputError(
        f"{number:,} nodes are more than the {MAX_GRAPH_NODES:,} that a graph may have",
        where=where,
        fix="Prune the graph: --node-threshold 0.8 for a .pt (node_threshold), or as circuit-tracer does it.",
    )
