"""Whether a graph that was made from others is out of date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.queries.aggregates import aggregated_state, is_aggregate
from circuit_atlas.queries.ask import ask

_COLLAPSED = 2  # how graphs are collapsed: what was made in another way is out of date
Groups = list[list[Any]]


def is_fresh(database: Database, stored: Mapping[str, Any]) -> bool:
    """Whether the graphs that an aggregate with these properties was made from are unchanged."""
    contents = _contents(database, stored.get("aggregated_names", []), stored.get("aggregated_tags", []))
    return bool(aggregated_state(contents) == stored["aggregated_state"])


def supernode_groups(database: Database, graph: str) -> Groups:
    """The supernodes of a graph, in their order: of each, the name and the ordinals of its members."""
    rows = ask(database, "supernodes.list", graph=graph)
    return [[row["name"], [node["ordinal"] for node in row["members"]]] for row in rows]


def collapsed_state(content: str, weights: str, groups: Groups) -> str:
    """A hash of what a collapsed graph is made of.

    Args:
        content: the content hash of the whole graph.
        weights: see `circuit_atlas.graph.collapse`.
        groups: its supernodes, see `supernode_groups`.
    """
    return hashlib.sha256(json.dumps([_COLLAPSED, content, weights, groups]).encode()).hexdigest()


def age_notes(database: Database, stored: Mapping[str, Any]) -> list[str]:
    """A note that a graph with these properties, an aggregate or a collapsed graph, is out of date, if it is."""
    name, whole = stored["name"], stored.get("collapsed_from")
    if is_aggregate(stored) and not is_fresh(database, stored):
        return [
            f"{name!r} is out of date: a graph that it is made of was added, removed or replaced. "
            f"`circuit-atlas aggregate --name {quote(name)} --refresh` makes it again."
        ]
    if whole is not None and not _is_collapsed_from(database, whole, stored):
        return [
            f"{name!r} is out of date: {whole!r} or its supernodes were changed. "
            f"`circuit-atlas collapse {quote(whole)}` makes it again."
        ]
    return []


def _is_collapsed_from(database: Database, whole: str, stored: Mapping[str, Any]) -> bool:
    groups = supernode_groups(database, whole)
    return all(  # without the whole graph, as in a store that has only the file of the collapsed one, nobody can tell
        collapsed_state(content, stored["collapsed_weights"], groups) == stored["collapsed_state"]
        for _, content in _contents(database, [whole], [])
    )


def _contents(database: Database, graphs: list[str], tags: list[str]) -> list[list[str]]:
    """Names and content hashes of the graphs that names and tags mean."""
    contents: list[list[str]] = ask(database, "aggregates.contents", graphs=graphs, tags=tags)[0]["contents"]
    return contents
