"""Starts the process of a Neo4j server."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import psutil

from circuit_atlas.config import Connection
from circuit_atlas.errors import LocalServerError
from circuit_atlas.files import private
from circuit_atlas.server.admin import JVM_OPTIONS, PRIVATE_UMASK, Program
from circuit_atlas.server.class_archive import archive_options
from circuit_atlas.server.holder import HOME_OPTION
from circuit_atlas.server.jars import neo4j_version, read_lock
from circuit_atlas.server.ports import LOOPBACK, is_listening
from circuit_atlas.server.store import Store

START_TIMEOUT = 120.0  # seconds
_LOG = logging.getLogger(__name__)
_MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"
_WATCH = 'while [ -e "$2" ]; do kill -0 "$1" || exit; sleep 2; done; kill "$1"'
_JVM_OPTIONS = (
    "-XX:+UseG1GC",
    "-XX:+DisableExplicitGC",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
)


def launch(store: Store, program: Program, ports: tuple[int, int], java: str | None) -> None:
    """Start the server of a store, wait until it answers, and record its process in the store.

    Args:
        store: the store, with its settings written.
        program: Java and Neo4j's jars.
        ports: the ports for Bolt and HTTP.
        java: the Java that was given for this start, to be used by the next ones; None keeps the one known.

    Raises:
        LocalServerError: the server does not start; the message shows the end of its log.
    """
    heap = store.setting("heap.max_size")
    archive, written_at_end = archive_options(program, store.path)
    command: list[str | Path] = [
        program.java,
        *JVM_OPTIONS,
        *_JVM_OPTIONS,
        *archive,
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-cp",
        program.class_path,
        _MAIN_CLASS,
        f"{HOME_OPTION}{store.path}",
        f"--config-dir={store.path / 'conf'}",
    ]
    with open(store.console, "w", opener=private) as console:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd=store.path,
            umask=PRIVATE_UMASK,
            start_new_session=True,  # Ctrl-C at the terminal must not stop the server
        )
    _watch(child.pid, store.marker)
    _LOG.debug("process %d: Neo4j in %s, ports %d and %d, heap %s", child.pid, store.path, *ports, heap)
    record = {
        "pid": child.pid,
        "created": psutil.Process(child.pid).create_time(),
        "data": store.data,
        "bolt_port": ports[0],
        "http_port": ports[1],
        "neo4j": neo4j_version(read_lock()),
        "classes": written_at_end,
        "java": store.read_process().get("java"),
    }
    try:
        # When this program is killed while it waits, the next one finds the record and stops the server.
        store.write_process({**record, "state": "starting"})
        _wait_until_it_answers(store, child, ports)
    except BaseException:
        child.kill()
        child.wait()
        raise
    store.write_process({**record, "state": "running", "java": java or record["java"]})
    _LOG.info("the server of %s runs: process %d, Bolt port %d", store.path, child.pid, ports[0])


def _watch(pid: int, marker: Path) -> None:
    """Stop a server soon after its store was removed: nobody could find it any more, and it keeps its memory.

    A shell watches the store. It runs on when this program ends, and uses little memory.
    """
    if os.name == "nt":
        return
    subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", str(pid), str(marker)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _wait_until_it_answers(store: Store, child: subprocess.Popen[bytes], ports: tuple[int, int]) -> None:
    """Wait until the server accepts the store's password over Bolt. It is an error when its process ends."""
    from neo4j.exceptions import AuthError, DriverError, Neo4jError

    connection = Connection(uri=f"bolt://{LOOPBACK}:{ports[0]}", password=store.password())
    waited = 0.0
    while waited < START_TIMEOUT:
        try:
            child.wait(0.1)
            raise start_failure(store, "the server stopped while starting")
        except subprocess.TimeoutExpired:
            waited += 0.1
        # Neo4j opens the HTTP port last. Until then, the server of another store might choose it.
        if not all(map(is_listening, ports)):
            continue
        try:
            log_in(connection)
        except AuthError as error:
            raise start_failure(store, "the server does not accept the store's password") from error
        except (Neo4jError, DriverError):
            continue  # it listens, but is not ready
        return
    raise start_failure(store, f"the server did not answer within {START_TIMEOUT:.0f} s")


def log_in(connection: Connection) -> None:
    """Log in to a server, and out again. Errors are the driver's."""
    import neo4j

    auth = (connection.username, connection.password)
    with neo4j.GraphDatabase.driver(connection.uri, auth=auth, connection_timeout=5) as driver:
        driver.verify_connectivity()


def start_failure(store: Store, what: str) -> LocalServerError:
    """An error that shows the end of the server's log."""
    tail = store.tail(12)
    return LocalServerError(
        what + (f"; the end of its log:\n{tail}" if tail else ""),
        where=str(store.path),
        fix="`circuit-atlas server logs` shows more; `circuit-atlas doctor` checks the machine.",
    )
