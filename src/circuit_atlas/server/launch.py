"""Starts the process of a Neo4j server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil

from circuit_atlas.errors import LocalServerError
from circuit_atlas.server.admin import JVM_OPTIONS
from circuit_atlas.server.jars import neo4j_version, read_lock
from circuit_atlas.server.ports import LOOPBACK, is_open
from circuit_atlas.server.store import Store

Program = tuple[Path, list[Path]]  # java, and the jars
START_TIMEOUT = 120.0
_MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"
_JVM_OPTIONS = (
    "-XX:+UseG1GC",
    "-XX:+DisableExplicitGC",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
)


def launch(store: Store, program: Program, ports: tuple[int, int], data: str) -> None:
    """Start the server on a folder of data, and wait until it answers; what it is, is noted in the store.

    Raises:
        LocalServerError: it does not start; the message holds the end of its log.
    """
    home, (java, jars) = store.path, program
    heap = store.setting("heap.max_size")
    command: list[str | Path] = [
        java,
        *JVM_OPTIONS,
        *_JVM_OPTIONS,
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-cp",
        os.pathsep.join(map(str, jars)),
        _MAIN_CLASS,
        f"--home-dir={home}",
        f"--config-dir={home / 'conf'}",
    ]
    with store.console.open("w") as console:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd=home,
            start_new_session=True,
        )
    noted = {
        "pid": child.pid,
        "created": psutil.Process(child.pid).create_time(),
        "data": data,
        "bolt_port": ports[0],
        "http_port": ports[1],
        "neo4j": neo4j_version(read_lock()),
    }
    try:
        store.write_process({**noted, "state": "starting"})  # should this process be killed, the next one stops it
        _await(store, child, ports)
    except BaseException:
        child.kill()
        child.wait()
        raise
    store.write_process({**noted, "state": "running"})


def _await(store: Store, child: subprocess.Popen[bytes], ports: tuple[int, int]) -> None:
    """Wait until Bolt answers with our password, or the process ends."""
    import neo4j

    address = f"bolt://{LOOPBACK}:{ports[0]}"
    auth = ("neo4j", store.password())
    waited = 0.0
    while waited < START_TIMEOUT:
        try:
            child.wait(0.1)
            raise failure(store, "the server stopped while starting")
        except subprocess.TimeoutExpired:
            waited += 0.1
        if not all(map(is_open, ports)):  # the HTTP port is taken after Bolt's: another server might choose it
            continue
        try:
            with neo4j.GraphDatabase.driver(address, auth=auth, connection_timeout=5) as driver:
                driver.verify_connectivity()
                return
        except neo4j.exceptions.AuthError as error:
            raise failure(store, "the server does not take the store's password") from error
        except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError):
            continue
    raise failure(store, f"the server did not answer within {START_TIMEOUT:.0f} s")


def failure(store: Store, what: str) -> LocalServerError:
    """An error with the end of the server's log."""
    tail = store.tail(12)
    return LocalServerError(
        what + (f"; the end of its log:\n{tail}" if tail else ""),
        where=str(store.path),
        fix="`circuit-atlas server logs` shows more; `circuit-atlas doctor` checks the machine.",
    )
