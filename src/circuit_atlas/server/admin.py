"""Neo4j's AdminTool: what is done to a store while its server does not run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from circuit_atlas.errors import LocalServerError
from circuit_atlas.processes import find_process

JVM_OPTIONS = (
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
)
_MAIN_CLASS = "org.neo4j.cli.AdminTool"
_NOTE = "run/admin"
_SHOWN = 800  # characters of what a command said, when it failed


class AdminTool:
    """Runs commands of Neo4j's AdminTool on a store, as its settings are.

    Args:
        java: the java executable.
        class_path: all jars.
        home: the store's directory.
    """

    def __init__(self, java: Path, class_path: list[Path], home: Path) -> None:
        self._java, self._home = java, home
        self._class_path = os.pathsep.join(map(str, class_path))

    def run(self, *arguments: str | Path, heap: str = "512m") -> str:
        """Run a command, with a Java heap of that size; what it printed.

        Raises:
            LocalServerError: it failed; the message holds the end of what it printed.
        """
        # Throughput is what counts here: the parallel collector makes imports a third faster than G1.
        options = [*JVM_OPTIONS, "-XX:+UseParallelGC", f"-Xmx{heap}", "-cp", self._class_path]
        command = [self._java, *options, _MAIN_CLASS, *arguments]
        environment = {**os.environ, "NEO4J_HOME": str(self._home), "NEO4J_CONF": str(self._home / "conf")}
        with (
            subprocess.Popen(
                command,
                env=environment,
                encoding="utf-8",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
            _noted(process, self._home / _NOTE),
        ):
            printed, complained = process.communicate()
        if process.returncode:
            said = (printed + complained).strip()[-_SHOWN:]
            words = " ".join(str(argument) for argument in arguments[:3] if not str(argument).startswith("@"))
            raise LocalServerError(f"`neo4j-admin {words}` failed:\n{said}", where=str(self._home))
        return printed


@contextmanager
def _noted(process: subprocess.Popen[str], note: Path) -> Iterator[None]:
    """Leave word of a process for as long as it runs, which an error ends."""
    try:
        note.write_text(f"{process.pid} {psutil.Process(process.pid).create_time()}", encoding="ascii")
        yield
    finally:
        process.kill()
        note.unlink(missing_ok=True)


def end_abandoned(home: Path) -> None:
    """End a command that outlived the program that ran it, and would go on writing to the store."""
    note = home / _NOTE
    try:
        pid, created = note.read_text(encoding="ascii").split()
        process = find_process(int(pid), float(created))
        if process:
            process.kill()
            process.wait(10)
    except (OSError, ValueError, psutil.NoSuchProcess):
        pass
    note.unlink(missing_ok=True)
