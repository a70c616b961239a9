"""A store: the directory with the data, settings, password and logs of one local Neo4j."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from circuit_atlas.errors import LocalServerError
from circuit_atlas.files import private
from circuit_atlas.server.browser_style import commands_at_connection

HEAP_VARIABLE = "CIRCUIT_ATLAS_HEAP"
PAGE_CACHE_VARIABLE = "CIRCUIT_ATLAS_PAGE_CACHE"
_LOG = logging.getLogger(__name__)
_MARKER = "circuit-atlas-store.json"  # the file by which a directory is known to be a store
_NEW_DATA = "data-"  # begins the names of folders with data of a rebuild
_AUTH_FILE = "dbms/auth.ini"  # in a data folder: the initial password, which Neo4j reads at its first start
_FOLDERS = ("conf", "import", "licenses", "logs", "plugins", "run")
_LEFT = ("import-*", "load-*", "*.part", "hs_err_pid*.log")  # what killed processes may leave: ours, and Java's
_PRIVATE = 0o700  # mode of folders
_MB = 1 << 20
_CGROUPS = Path("/sys/fs/cgroup")
_LIMIT_FILES = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controllers: of version 2, and 1
_MIN_FREE = 200 * _MB
_MIN_FREE_FOR_NEW_STORE = 700 * _MB  # Neo4j preallocates the transaction logs of a new store
_NOT_TEXT = "\x06 \t"  # Neo4j prints an ACK character when it has started

# Whatever may call another machine is off: usage reports, telemetry, fleet management. Nothing listens on other than
# the loopback interface. LOAD CSV reads no file, and calls no address of IPv4 or IPv6: nothing here uses it.
#
# Neo4j keeps the plan of a statement for parameters of the same types. By default the sizes of lists count too, in
# powers of ten: a question about eleven graphs was planned again after one about ten, which took up to a second.

_SETTINGS = """\
# Written by circuit-atlas at every start.
server.default_listen_address=127.0.0.1
server.default_advertised_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt_port}
server.bolt.advertised_address=127.0.0.1:{bolt_port}
server.http.listen_address=127.0.0.1:{http_port}
server.http.advertised_address=127.0.0.1:{http_port}
server.https.enabled=false
server.directories.data={data}
server.directories.import={imports}
server.memory.heap.initial_size={heap}
server.memory.heap.max_size={heap}
server.memory.pagecache.size={page_cache}
server.config.strict_validation.enabled=true
db.query.default_language=CYPHER_25
internal.cypher.use_parameter_size=false
db.relationship_grouping_threshold=1
db.tx_log.rotation.retention_policy=keep_none
dbms.security.allow_csv_import_from_file_urls=false
internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0
dbms.fleet_manager.enabled=false
dbms.usage_report.enabled=false
client.allow_telemetry=false
browser.post_connect_cmd={browser}
internal.dbms.bolt.netty_server_shutdown_quiet_period_duration=0s
internal.server.bolt.thread_pool_shutdown_wait_time=1s
server.fleet_discovery.enabled=false
server.http.x_forward.enabled=false
"""


class Store:
    """The files of a store. This class starts and stops nothing.

    Args:
        path: the store's directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new_data: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the directory is a store."""
        with self.disk_errors():
            return self.marker.is_file()

    @property
    def marker(self) -> Path:
        """The file that exists as long as the store does."""
        return self.path / _MARKER

    @property
    def data(self) -> str:
        """Name of the folder with the current data. Other data folders are left over from rebuilds that failed."""
        return self._new_data or self.kept_data

    @property
    def kept_data(self) -> str:
        """Name of the folder with the store's data, also while new data are made and checked."""
        return str(self._marked().get("data", "data"))

    @property
    def console(self) -> Path:
        """The file with what the server prints."""
        return self.path / "logs" / "console.log"

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Turns an OSError of the block into a LocalServerError that names the store."""
        try:
            yield
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error
            raise LocalServerError(
                f"the store cannot be used: {why}",
                where=str(self.path),
                fix="Check the directory and its free space, or choose another with --store.",
            ) from error

    def make_folder(self) -> None:
        """Make the directory, if it does not exist, and keep other users of the machine out of it."""
        self.path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        with suppress(PermissionError):  # a folder that somebody else has made for the store
            self.path.chmod(_PRIVATE)

    def prepare(self, version: str) -> None:
        """Make the directory a store for a version of Neo4j, or check that it is one already.

        Raises:
            LocalServerError: the directory has other contents or is the store of a newer Neo4j, or the disk is full.
        """
        # A process that was killed may have left a part of the first file, which belongs to no one.
        if self.path.is_dir() and not self.exists and {path.name for path in self.path.iterdir()} - {_part(_MARKER)}:
            raise LocalServerError(
                "the directory is not empty, and is not a store",
                where=str(self.path),
                fix="Choose another directory with --store.",
            )
        self.make_folder()
        needed = _MIN_FREE if (self.path / self.data / "databases").is_dir() else _MIN_FREE_FOR_NEW_STORE
        if shutil.disk_usage(self.path).free < needed:
            raise LocalServerError(
                f"less than {needed // _MB} MB of disk space is free",
                where=str(self.path),
                fix="Free some disk space, or choose another directory with --store.",
            )
        found = self._marked().get("neo4j", version)
        if _numbers(found) > _numbers(version):
            raise LocalServerError(
                f"the store was used by Neo4j {found}, which is newer than {version} of this circuit-atlas",
                where=str(self.path),
                fix="Upgrade circuit-atlas, or choose another directory with --store.",
            )
        # Before all folders: what stops here leaves an empty directory, or a store, but none that nobody can use.
        self._write(_MARKER, {"neo4j": version, "data": self.data})
        for folder in (*_FOLDERS, self.data):
            (self.path / folder).mkdir(mode=_PRIVATE, exist_ok=True)
        self._remove_other_data()

    @contextmanager
    def new_data(self) -> Iterator[str]:
        """Make a new folder for data, and yield its name. At the end of the context, its data become the store's; after
        an error, the folder is removed."""
        kept = self.data
        self._new_data = f"{_NEW_DATA}{secrets.token_hex(4)}"
        try:
            (self.path / self.data).mkdir(mode=_PRIVATE)
            # Copying the password's file is faster than setting the password again, which takes a Java program.
            old, new = (self.path / folder / _AUTH_FILE for folder in (kept, self.data))
            if old.is_file():
                new.parent.mkdir(mode=_PRIVATE)
                shutil.copy2(old, new)
            yield self.data
            # From this write on, the new data are the store's. It replaces the file in one step.
            self._write(_MARKER, {**self._marked(), "data": self.data})
        finally:
            self._new_data = None
            self._remove_other_data()  # than what the file says, even if an interrupt came right after the write

    def _remove_other_data(self) -> None:
        """Remove all folders of data except that of the store."""
        kept = self.data
        for folder in (self.path / "data", *self.path.glob(f"{_NEW_DATA}*")):
            if folder.name != kept and folder.exists():
                _LOG.info("removing %s", folder)
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def is_full(self) -> bool:
        """Whether the disk has too little space for the server to continue."""
        with suppress(FileNotFoundError):  # somebody has removed the store
            return shutil.disk_usage(self.path).free < _MIN_FREE
        return False

    def password(self) -> str:
        """The store's password. It is random, made at the first call, and only its owner can read the file."""
        file = self.path / "password"
        if not file.is_file():
            self._write_text("password", secrets.token_hex(20))
        return file.read_text(encoding="ascii").strip()

    def write_settings(self, bolt_port: int, http_port: int, heap: str | None, page_cache: str | None) -> None:
        """Write `conf/neo4j.conf`. Sizes that are None come from the environment, else from the memory's size."""
        memory = min(psutil.virtual_memory().total, *_memory_limits())
        heap = heap or os.environ.get(HEAP_VARIABLE) or _quarter(memory, at_least=512, at_most=4096)
        page_cache = page_cache or os.environ.get(PAGE_CACHE_VARIABLE) or _quarter(memory, at_least=256, at_most=8192)
        text = _SETTINGS.format(
            bolt_port=bolt_port,
            http_port=http_port,
            heap=heap,
            page_cache=page_cache,
            data=self.path / self.data,
            imports=self.path / "import",
            browser=commands_at_connection(),
        )
        with open(self.path / "conf" / "neo4j.conf", "w", encoding="utf-8", opener=private) as file:
            file.write(text)

    def setting(self, name: str) -> str | None:
        """The value of `server.memory.NAME` in the settings; None before the first start."""
        file = self.path / "conf" / "neo4j.conf"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return next((line.partition("=")[2] for line in lines if line.startswith(f"server.memory.{name}=")), None)

    @property
    def has_password_set(self) -> bool:
        """Whether Neo4j has a password: an initial one, or, after the first start, one in its database."""
        return any((self.path / self.data / file).exists() for file in (_AUTH_FILE, "databases"))

    def read_process(self) -> dict[str, Any]:
        """The record of the server's process: pid, created, state, data, bolt_port, http_port, neo4j, classes, java. It
        is empty when the server was never started."""
        return self._read("run/server.json")

    def write_process(self, process: dict[str, Any]) -> None:
        """Record the server's process."""
        self._write("run/server.json", process)

    def tail(self, lines: int) -> str:
        """The last lines of the server's log and of what it printed, in this order: what it prints last says why it
        stopped."""
        files = (self.path / "logs" / "neo4j.log", self.console)
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
        shown = [line for text in texts for line in text.splitlines() if line.strip(_NOT_TEXT)]
        return "\n".join(shown[-lines:])

    def erase(self) -> None:
        """Delete the data, settings, logs and password of the store, and what killed processes left.

        Raises:
            LocalServerError: the directory is not a store, or something cannot be deleted; then it remains a store.
        """
        if not self.exists:
            raise LocalServerError(
                "not a store", where=str(self.path), fix="Nothing was deleted. Give the directory of a store."
            )
        patterns = (*_FOLDERS, "data", f"{_NEW_DATA}*", *_LEFT)
        for pattern in patterns:
            for path in self.path.glob(pattern):
                _remove(path)
        if kept := [path for pattern in patterns for path in self.path.glob(pattern)]:
            raise LocalServerError(
                "cannot be deleted",
                where=str(kept[0]),
                fix="Check the owner of its files, then run `circuit-atlas server reset` again.",
            )
        for file in ("password", _MARKER):
            (self.path / file).unlink(missing_ok=True)

    @contextmanager
    def work_folder(self, name: str) -> Iterator[Path]:
        """A folder for large files, which is removed at the end of the block. Those of processes that were killed are
        removed now."""
        for left in self.path.glob(f"{name}-*"):
            owner = left.name.split("-")[1]
            if owner.isdecimal() and not psutil.pid_exists(int(owner)):
                _LOG.info("removing %s, which a killed process left", left)
                shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(prefix=f"{name}-{os.getpid()}-", dir=self.path) as folder:
            yield Path(folder)

    def _marked(self) -> dict[str, Any]:
        """Content of the marker; empty if no marker exists.

        Raises:
            LocalServerError: it cannot be read. Only it distinguishes the store's data from leftovers.
        """
        found = self._read(_MARKER)
        if not found and self.exists:
            raise LocalServerError(
                f"{_MARKER} is damaged; it says which folder holds the data",
                where=str(self.path),
                fix='Write {"data": "FOLDER"} into it, with the name of the folder here that has the data.',
            )
        return found

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: not JSON, or not even text
            return {}
        except OSError:
            with self.disk_errors():
                raise
        return content if isinstance(content, dict) else {}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        self._write_text(name, json.dumps(content))

    def _write_text(self, name: str, text: str) -> None:
        """Write a file completely or not at all."""
        partial = self.path / _part(name)
        with open(partial, "w", encoding="utf-8", opener=private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else the name could outlive a power failure, and the content not
        partial.replace(self.path / name)


def _part(name: str) -> str:
    """The name of a file while it is written."""
    return f"{name}.part"


def _remove(path: Path) -> None:
    """Delete a file, a link or a folder, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def _memory_limits() -> Iterator[int]:
    """The limits in bytes that a container or a job has for its memory, if any: those of its control groups."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers in _LIMIT_FILES:
                yield from _limits(_CGROUPS / controllers, group.lstrip("/"), _LIMIT_FILES[controllers])


def _limits(root: Path, group: str, file: str) -> Iterator[int]:
    """The limits in a file of a control group and of those above it, up to `root`."""
    for folder in (root / group, *(root / group).parents):
        with suppress(OSError, ValueError):  # no such file, or no limit: `max`
            yield int((folder / file).read_text(encoding="ascii"))
        if folder == root:
            return


def _quarter(memory: int, *, at_least: int, at_most: int) -> str:
    """A quarter of the memory, within bounds in MB, as Neo4j's settings write it."""
    return f"{min(max(memory // 4 // _MB, at_least), at_most)}m"


def _numbers(version: str) -> list[int]:
    """The numbers of a version, which can be compared: 2026.10 is newer than 2026.7."""
    return [int(part) for part in version.split(".") if part.isdigit()]
