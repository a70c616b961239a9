"""Checks that the stored bounds and counts of paths of a graph exist. Without them, an answer would be empty instead of
wrong or right, so a question computes them from the edges."""

from __future__ import annotations

import logging
import shlex
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from circuit_atlas.errors import DamagedGraphError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.one_answer import note_blocks
from circuit_atlas.schema.limits import BOUNDS_BLOCK

if TYPE_CHECKING:
    from circuit_atlas.database import Database
    from circuit_atlas.queries.graphs import StoredGraph

BOUNDS, COUNTS = "PathBounds", "PathCounts"
_LOG = logging.getLogger(__name__)
_warned: WeakKeyDictionary[Database, set[tuple[str | None, str, str]]] = WeakKeyDictionary()


def has_tables(graph: StoredGraph, label: str) -> bool:
    """Whether a graph has all of its `PathBounds` or `PathCounts`; one warning says if not. It is looked up once for a
    version of the graph. Tables can be deleted later, so the question counts their blocks when it ends; see
    `queries.one_answer`.

    Args:
        graph: the graph.
        label: one of the two.
    """
    if label not in graph.blocks and (found := _complete_blocks(graph, label)) is not None:
        graph.blocks[label] = found
    if label in graph.blocks:
        note_blocks(graph.name, label, graph.blocks[label])
        return True
    warned = _warned.setdefault(graph.database, set())
    version = graph.version, graph.properties["content_hash"], label
    if version not in warned:
        warned.add(version)
        _LOG.warning(
            "Stored %s of graph %s are missing, so they are computed. `%s` stores them again.",
            label,
            ascii(graph.name),
            _repair(graph),
        )
    return False


def check_tables(graph: StoredGraph, statement: str) -> None:
    """Refuse a statement that reads tables which a graph does not have: its answer would be empty.

    Raises:
        DamagedGraphError: it does.
    """
    for label in (BOUNDS, COUNTS):
        is_made = label == BOUNDS or graph.properties["acyclic"]
        if is_made and f":{label} " in statement and _complete_blocks(graph, label) is None:
            raise DamagedGraphError(
                f"its stored {label} are missing",
                where=graph.name,
                fix=f"`{_repair(graph)}` stores them again.",
            )


def _repair(graph: StoredGraph) -> str:
    """The command that makes the tables again."""
    return f"circuit-atlas verify {shlex.quote(graph.name)} --repair"


def _complete_blocks(graph: StoredGraph, label: str) -> int | None:
    """How many blocks the tables with this label have, if they are complete: from the first number of hops to the last
    one of the bounds. None if they are not."""
    blocks = -(-graph.properties["nodes"] // BOUNDS_BLOCK)
    rows = ask(graph.database, "paths.tables", graph=graph.name)
    longest = max((row["hops"] for row in rows if row["label"] == BOUNDS), default=0)
    found = {(row["sign"], row["hops"]) for row in rows if row["label"] == label and row["blocks"] == blocks}
    signs, first = ((1, -1), 0) if label == BOUNDS else ((0,), 1)
    wanted = {(sign, hops) for sign in signs for hops in range(first, max(longest, 1 if first else 0) + 1)}
    number: int = sum(row["blocks"] for row in rows if row["label"] == label)
    return number if not blocks or wanted <= found else None
