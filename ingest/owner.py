"""Shows which process writes or deletes under a hidden name, and that it is alive.

While it works, a thread of it renews a heartbeat in the database, by the server's clock: clocks of clients do not
matter. Another process may only look for the owner's process id if both surely have the same ids, so not from another
machine or container, whatever its host name is. It then knows at once what the heartbeat shows later; where another
process has the owner's id by now, after half a minute.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event

import psutil
from neo4j.exceptions import DriverError, Neo4jError

from circuit_atlas.database import Database
from circuit_atlas.ingest import statements
from circuit_atlas.processes import find_process, runs

_LOG = logging.getLogger(__name__)
_BEAT = 10.0  # seconds between two heartbeats
_FRESH = 30_000  # milliseconds in which an owner that runs has written a heartbeat
_MAX_SILENCE = 120_000  # milliseconds without a heartbeat, after which an owner that cannot be looked for has ended
_IN_USE: set[str] = set()  # hidden names under which this process writes or deletes


@contextmanager
def in_use(database: Database, graph: str) -> Iterator[str]:
    """Mark a hidden name as in use by this process, and renew its heartbeat.

    Args:
        database: the database.
        graph: the hidden name; it need not be stored yet.

    Yields:
        The hidden name.
    """
    finished = Event()
    _IN_USE.add(graph)
    database.in_thread(lambda: _renew_heartbeat(database, graph, finished))
    try:
        yield graph
    finally:
        finished.set()
        _IN_USE.discard(graph)


def _renew_heartbeat(database: Database, graph: str, finished: Event) -> None:
    while not finished.wait(_BEAT):
        try:
            database.write(statements.HEARTBEAT, graph=graph)
        except (DriverError, Neo4jError) as error:  # what writes the graph meets it, too, and reports it
            _LOG.info("the heartbeat of %r was not written: %s", graph, error)


def owner_of_this_process() -> str:
    """The identity of this process: its host's name for people, then the ids of the boot, of the namespace in which
    process ids count and of the user, its process id and its start time."""
    return f"{socket.gethostname()} {_process_ids()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_interrupted(graph: str, owner: str, silent_ms: int) -> bool:
    """Whether the owner of a hidden name has ended, or does not use the name any more.

    Args:
        graph: the hidden name.
        owner: its owner, as `owner_of_this_process` wrote it.
        silent_ms: milliseconds since the last heartbeat, by the server's clock.
    """
    if graph in _IN_USE:  # whatever the owner looks like now: the clock may have been set
        return False
    if owner == owner_of_this_process():
        return True
    _, _, process = owner.partition(f" {_process_ids()} ")
    if not process or not _process_ids():
        return silent_ms > _MAX_SILENCE
    pid, started = process.split(" ")
    if find_process(int(pid), float(started)) is not None:
        return False
    # Where a process has this id, its start time may only look like another one, because the clock was set.
    return silent_ms > _FRESH or not runs(int(pid))


@cache
def _process_ids() -> str:
    """Two processes with the same text see each other by their process ids: they are of one boot, namespace and user
    (a system may hide the processes of other users). Empty where that cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}/{os.getuid()}"
    except OSError:
        return ""
