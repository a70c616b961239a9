"""Runs Neo4j's AdminTool, which works on a store while its server is not running."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from circuit_atlas.errors import LocalServerError
from circuit_atlas.files import private
from circuit_atlas.processes import find_process

# Neo4j's own options for its JVM, from the configuration of its distribution.
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
PRIVATE_UMASK = 0o077  # data, logs and dumps are the user's own
_LOG = logging.getLogger(__name__)
_MAIN_CLASS = "org.neo4j.cli.AdminTool"
_PID_FILE = "run/admin"
_JAVAS_TEMPORARY_FOLDER = Path(os.sep, "tmp")  # whatever TMPDIR says
_SHOWN = 800  # characters of a failed command's output that an error shows


class Program(NamedTuple):
    """The files that running Neo4j's programs needs.

    Args:
        java: the java executable.
        jars: all jars.
    """

    java: Path
    jars: list[Path]

    @property
    def class_path(self) -> str:
        """The jars, as Java expects them."""
        return os.pathsep.join(map(str, self.jars))


class AdminTool:
    """Runs commands of Neo4j's AdminTool on a store, with the store's settings.

    Args:
        program: Java and the jars.
        home: the store's directory.
    """

    def __init__(self, program: Program, home: Path) -> None:
        self._program, self._home = program, home

    def run(self, *arguments: str | Path, heap: str = "512m", folder: Path | None = None) -> str:
        """Run a command and return what it printed.

        Args:
            arguments: the command and its options.
            heap: the size of the Java heap.
            folder: the directory in which it runs; this program's when None.

        Raises:
            LocalServerError: the command failed; the message shows the end of its output.
        """
        words = " ".join(str(argument) for argument in arguments[:3] if not str(argument).startswith("@"))
        _LOG.debug("running `neo4j-admin %s` on %s with a heap of %s", words, self._home, heap)
        # Throughput counts here, not the length of pauses: the parallel collector makes imports a third faster than G1.
        options = [*JVM_OPTIONS, "-XX:+UseParallelGC", f"-Xmx{heap}", "-cp", self._program.class_path]
        if _forbids_libraries(_JAVAS_TEMPORARY_FOLDER):  # where the importer unpacks one
            options.append(f"-Djava.io.tmpdir={self._home / 'run'}")
        command = [self._program.java, *options, _MAIN_CLASS, *arguments]
        environment = {**os.environ, "NEO4J_HOME": str(self._home), "NEO4J_CONF": str(self._home / "conf")}
        with (
            subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                encoding="utf-8",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                umask=PRIVATE_UMASK,
            ) as process,
            _recorded(process, self._home / _PID_FILE),
        ):
            output, errors = process.communicate()
        if process.returncode:
            shown = (output + errors).strip()[-_SHOWN:]
            raise LocalServerError(f"`neo4j-admin {words}` failed:\n{shown}", where=str(self._home))
        return output


def _forbids_libraries(folder: Path) -> bool:
    """Whether no library can be loaded from a folder, as its file system is mounted `noexec`."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)
    except (OSError, AttributeError):  # no such folder, or not Linux
        return False


@contextmanager
def _recorded(process: subprocess.Popen[str], pid_file: Path) -> Iterator[None]:
    """Record a process in a file while it runs. After an error or an interrupt, the process is killed."""
    try:
        with open(pid_file, "w", encoding="ascii", opener=private) as file:
            file.write(f"{process.pid} {psutil.Process(process.pid).create_time()}")
        yield
    finally:
        process.kill()
        pid_file.unlink(missing_ok=True)


def kill_abandoned(home: Path) -> None:
    """Kill a command that still runs after the program that started it was killed: it would write to the store."""
    pid_file = home / _PID_FILE
    try:
        pid, created = pid_file.read_text(encoding="ascii").split()
        process = find_process(int(pid), float(created))
        if process:
            _LOG.info("killing process %s: a command of a program that was killed still works on %s", pid, home)
            process.kill()
            process.wait(10)
    except (OSError, ValueError, psutil.NoSuchProcess):
        pass  # no record, no readable one, or the process has just ended
    except psutil.Error as error:
        raise LocalServerError(
            f"process {pid}, which a program that was killed left behind, cannot be stopped: {error}",
            where=str(home),
            fix="Stop it, or try again when it has ended.",
        ) from error
    pid_file.unlink(missing_ok=True)
