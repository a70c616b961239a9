"""Removes a graph: hidden at once, then deleted in batches that a transaction can hold."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from circuit_atlas.ingest import statements

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.processes import find_process

_log = logging.getLogger(__name__)
EDGE_BATCH = 50_000
NODE_BATCH = 2_000
_ABANDONED_MS = 15 * 60 * 1000
_UNDER_WAY: set[str] = set()


def delete_graph(database: Database, name: str) -> None:
    """Delete the graph `name`. It is invisible from the first transaction on; after an interruption, the same again
    goes on with the rest.

    Raises:
        GraphNotFoundError: there is no such graph, nor the rest of one.
    """
    rest = remove_leftovers(database)
    if not database.write(statements.FIND, graph=name):
        if name in rest:
            return
        raise GraphNotFoundError(f"no graph is named {name!r}", fix="`circuit-atlas graphs` lists them.")
    owner = owner_of_this_process()
    with under_way(f"{name}~{secrets.token_hex(8)}") as hidden:
        database.write(statements.RENAME, graph=name, name=hidden, status="deleting", owner=owner, given=name)
        remove_graph(database, hidden)


@contextmanager
def under_way(graph: str) -> Iterator[str]:
    """Note that this process writes or removes what has that hidden name, which is nobody's leftover meanwhile."""
    _UNDER_WAY.add(graph)
    try:
        yield graph
    finally:
        _UNDER_WAY.discard(graph)


def remove_graph(database: Database, graph: str) -> None:
    """Delete everything under a name that no user sees; nothing happens when it is not there."""
    while database.write(statements.DELETE_EDGES, graph=graph, batch=EDGE_BATCH)[0]["deleted"]:
        pass
    while database.write(statements.DELETE_NODES, graph=graph, batch=NODE_BATCH)[0]["deleted"]:
        pass
    database.write(statements.DELETE_REST, graph=graph)


def remove_leftovers(database: Database) -> list[str]:
    """Remove what ingests and deletions that died left behind; the names of the graphs concerned.

    It counts as dead when its process on this machine is gone or does not do it any more, or when one on another
    machine has written nothing for 15 minutes.
    """
    removed = []
    for row in database.write(statements.LEFTOVERS):
        if _is_dead(row["graph"], row["owner"], row["silent_ms"]):
            _log.info("removing %r, left behind by an ingest or deletion that died", row["graph"])
            with under_way(row["graph"]):
                remove_graph(database, row["graph"])
            removed.append(row["graph"].partition("~")[0])
    return removed


def owner_of_this_process() -> str:
    """Host, process id and its start: tells a dead ingest from a living one."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def _is_dead(graph: str, owner: str, silent_ms: int) -> bool:
    if owner == owner_of_this_process():
        return graph not in _UNDER_WAY
    host, pid, started = owner.rsplit(" ", 2)
    if host != socket.gethostname():
        return silent_ms > _ABANDONED_MS
    return find_process(int(pid), float(started)) is None
