"""A local server for the time of a fixture."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock

from circuit_atlas import Atlas
from circuit_atlas.examples import example_graph
from circuit_atlas.server import LocalServer
from circuit_atlas.server import store as store_module
from circuit_atlas.server.admin import Program
from circuit_atlas.server.class_archive import archive_path
from circuit_atlas.server.jars import ensure_jars, read_lock
from circuit_atlas.server.ports import LOOPBACK

JAVA_OPTIONS = "JDK_JAVA_OPTIONS"
# Neo4j plans a statement again when the size of the store has changed much. In tests it does all the time, and a fifth
# of what their servers do would be to make the same plans again.
_KEEP_PLANS = "dbms.cypher.min_replan_interval=1d\n"


def make_class_archive(java: Path) -> None:
    """Let the first test session make the archive of classes that every server uses: it saves a third of what each
    needs to start, to ingest and to answer.
    """
    archive = archive_path(Program(java, ensure_jars(read_lock())))
    archive.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{archive}.lock"), TemporaryDirectory() as folder:
        if archive.is_file():
            return
        server = LocalServer(Path(folder) / "store")
        with Atlas(store=server.store.path) as atlas:
            graph = atlas.ingest(example_graph("dallas"), name="dallas")
            graph.paths()
            graph.count()
        server.stop()


def started(store: Path, *, is_lasting: bool = False) -> Iterator[LocalServer]:
    """A server that runs until the fixture ends.

    Args:
        store: its store.
        is_lasting: whether so many tests use it that it pays to keep its plans.
    """
    server = LocalServer(store)
    with pytest.MonkeyPatch.context() as patched:
        if is_lasting:
            patched.setattr(store_module, "_SETTINGS", store_module._SETTINGS + _KEEP_PLANS)
        # Not Neo4j's usual port, which the next server takes while this one is restarted.
        server.start(quiet=True, bolt_port=_free_port())
    yield server
    server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
