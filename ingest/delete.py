"""Deletes a graph: it is hidden at once, and then deleted in batches that fit into a transaction."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.names import hidden_name, shown_name
from circuit_atlas.processes import find_process

_log = logging.getLogger(__name__)
_EDGES_PER_TRANSACTION = 50_000
_NODES_PER_TRANSACTION = 2_000
_MAX_SILENCE = 15 * 60 * 1000  # milliseconds without a heartbeat, from a process on another machine
_IN_USE: set[str] = set()  # hidden names under which this process writes or deletes


def delete_graph(database: Database, name: str) -> None:
    """Delete the graph `name`. The first transaction makes it invisible. If it is interrupted, call it again: it
    deletes the rest.

    Raises:
        GraphNotFoundError: there is neither a graph of that name nor the rest of one.
    """
    removed = remove_leftovers(database)
    if not database.write(statements.FIND, graph=name):
        if name in removed:
            return
        raise GraphNotFoundError(f"no graph is named {name!r}", fix="`circuit-atlas graphs` lists all graphs.")
    owner = owner_of_this_process()
    with in_use(hidden_name(name)) as hidden:
        database.write(statements.RENAME, graph=name, name=hidden, status="deleting", owner=owner, given=name)
        remove_graph(database, hidden)


@contextmanager
def in_use(graph: str) -> Iterator[str]:
    """Mark a hidden name as in use by this process, so that `remove_leftovers` skips it."""
    _IN_USE.add(graph)
    try:
        yield graph
    finally:
        _IN_USE.discard(graph)


def remove_graph(database: Database, graph: str) -> None:
    """Delete everything under a hidden name; if there is nothing, do nothing."""
    while database.write(statements.DELETE_EDGES, graph=graph, batch=_EDGES_PER_TRANSACTION)[0]["deleted"]:
        pass
    while database.write(statements.DELETE_NODES, graph=graph, batch=_NODES_PER_TRANSACTION)[0]["deleted"]:
        pass
    database.write(statements.DELETE_REST, graph=graph)


def remove_leftovers(database: Database) -> list[str]:
    """Delete what interrupted ingests and deletions left behind, and return the names of their graphs.

    An ingest or deletion counts as interrupted if its process ran on this machine and has ended or does not use the
    name any more, or if it runs on another machine and has written nothing for 15 minutes.
    """
    removed = []
    for row in database.write(statements.LEFTOVERS):
        if _is_interrupted(row["graph"], row["owner"], row["silent_ms"]):
            _log.info("deleting %r, left behind by an interrupted ingest or deletion", row["graph"])
            with in_use(row["graph"]):
                remove_graph(database, row["graph"])
            removed.append(shown_name(row["graph"]))
    return removed


def owner_of_this_process() -> str:
    """Host, process id and start time of this process: they identify it even after its id is used again."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def _is_interrupted(graph: str, owner: str, silent_ms: int) -> bool:
    if owner == owner_of_this_process():
        return graph not in _IN_USE
    host, pid, started = owner.rsplit(" ", 2)
    if host != socket.gethostname():
        return silent_ms > _MAX_SILENCE
    return find_process(int(pid), float(started)) is None
