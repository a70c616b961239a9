"""A local server for the time of a fixture, and an archive that lets servers start in half the time."""

from __future__ import annotations

import hashlib
import os
import shutil
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
from circuit_atlas.server.jars import cache_path, read_lock
from circuit_atlas.server.ports import LOOPBACK

JAVA_OPTIONS = "JDK_JAVA_OPTIONS"
# Neo4j plans a statement again when the size of the store has changed much. In tests it does all the time, and a fifth
# of what their servers do would be to make the same plans again.
_KEEP_PLANS = "dbms.cypher.min_replan_interval=1d\n"


def use_class_archive(java: Path) -> None:
    """Let Java load Neo4j's classes from an archive, in which they are parsed and linked. The first test session makes
    it, in a minute; it then saves a third of what each server uses to start, to ingest and to answer.
    """
    parts = [str(java), str(java.stat().st_mtime_ns), os.environ[JAVA_OPTIONS], repr(read_lock())]
    archive = cache_path() / f"test-classes-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}.aot"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{archive}.lock"):
        if not archive.is_file():
            _make_class_archive(archive)
    # An older Java, which a test of an older Neo4j takes, does not know the option.
    os.environ[JAVA_OPTIONS] += f" -XX:+IgnoreUnrecognizedVMOptions -XX:AOTCache={archive}"


def _make_class_archive(archive: Path) -> None:
    """Java writes it when a server ends, with the classes that the server has used."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        made = Path(folder) / "classes.aot"
        patched.setenv(JAVA_OPTIONS, f"{os.environ[JAVA_OPTIONS]} -XX:AOTCacheOutput={made}")
        server = LocalServer(Path(folder) / "store")
        with Atlas(store=server.store.path) as atlas:
            graph = atlas.ingest(example_graph("dallas"), name="dallas")
            graph.paths()
            graph.count()
        server.stop()
        shutil.move(made, archive)


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
