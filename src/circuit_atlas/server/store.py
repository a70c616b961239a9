"""A store: one directory with the data, settings, password and logs of one local Neo4j."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from circuit_atlas.errors import LocalServerError

HEAP_VARIABLE = "CIRCUIT_ATLAS_HEAP"
PAGE_CACHE_VARIABLE = "CIRCUIT_ATLAS_PAGE_CACHE"
_MARK = "circuit-atlas-store.json"
_NEW_DATA = "data-"
_AUTH = "dbms/auth.ini"
_PARTS = ("conf", "import", "licenses", "logs", "plugins", "run")
_MB = 1 << 20
_ROOM, _ROOM_FOR_NEW = 200 * _MB, 700 * _MB
_NOT_TEXT = "\x06 \t"  # Neo4j acknowledges its start to a terminal with an ACK character

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
server.memory.heap.initial_size={heap}
server.memory.heap.max_size={heap}
server.memory.pagecache.size={page_cache}
server.config.strict_validation.enabled=true
db.query.default_language=CYPHER_25
db.relationship_grouping_threshold=1
db.tx_log.rotation.retention_policy=keep_none
dbms.fleet_manager.enabled=false
dbms.usage_report.enabled=false
client.allow_telemetry=false
internal.dbms.bolt.netty_server_shutdown_quiet_period_duration=0s
internal.server.bolt.thread_pool_shutdown_wait_time=1s
server.fleet_discovery.enabled=false
server.http.x_forward.enabled=false
"""


class Store:
    """The files of a store. Nothing here starts or stops anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new_data: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the directory is a store."""
        return (self.path / _MARK).is_file()

    @property
    def data(self) -> str:
        """Name of the folder with the data that count; others are of rebuilds that did not come through."""
        return self._new_data or str(self._read(_MARK).get("data", "data"))

    @property
    def console(self) -> Path:
        """What the server prints."""
        return self.path / "logs" / "console.log"

    def prepare(self, version: str) -> None:
        """Make the directory a store of Neo4j `version`, or check that it can be one.

        Raises:
            LocalServerError: the directory holds other things, belongs to a newer Neo4j, or the disk is full.
        """
        if self.path.is_dir() and not self.exists and any(self.path.iterdir()):
            raise LocalServerError(
                "the directory is not empty and not a store",
                where=str(self.path),
                fix="Choose another with --store.",
            )
        for part in (*_PARTS, self.data):
            (self.path / part).mkdir(parents=True, exist_ok=True)
        room = _ROOM if (self.path / self.data / "databases").is_dir() else _ROOM_FOR_NEW
        if shutil.disk_usage(self.path).free < room:
            raise LocalServerError(
                f"less than {room // _MB} MB of disk are free",
                where=str(self.path),
                fix="Make room, or choose another place with --store.",
            )
        found = self._read(_MARK).get("neo4j", version)
        if _numbers(found) > _numbers(version):
            raise LocalServerError(
                f"the store was used by Neo4j {found}; this circuit-atlas runs {version}",
                where=str(self.path),
                fix="Upgrade circuit-atlas, or choose another store with --store.",
            )
        self._write(_MARK, {"neo4j": version, "data": self.data})
        self._remove_data(but=self.data)

    @contextmanager
    def new_data(self) -> Iterator[str]:
        """The name of a new folder for data, which is the store's at the end, or removed after an error."""
        before = self.data
        self._new_data = f"{_NEW_DATA}{secrets.token_hex(4)}"
        try:
            (self.path / self.data).mkdir()
            if (self.path / before / _AUTH).is_file():  # the password stays, without a Java program to set it
                (self.path / self.data / _AUTH).parent.mkdir()
                shutil.copy2(self.path / before / _AUTH, self.path / self.data / _AUTH)
            yield self.data
            self._write(_MARK, {**self._read(_MARK), "data": self.data})
            before = self.data
        finally:
            self._new_data = None
            self._remove_data(but=before)

    def _remove_data(self, but: str) -> None:
        for folder in (self.path / "data", *self.path.glob(f"{_NEW_DATA}*")):
            if folder.name != but:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def is_full(self) -> bool:
        """Whether the disk has too little room for the server to go on."""
        return shutil.disk_usage(self.path).free < _ROOM

    def password(self) -> str:
        """The store's password: random, made when first asked for, readable by its owner alone."""
        file = self.path / "password"
        if not file.is_file():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(20))
        return file.read_text(encoding="ascii").strip()

    def write_settings(self, bolt_port: int, http_port: int, heap: str | None, page_cache: str | None) -> None:
        """Write `conf/neo4j.conf`; sizes that are not given come from the environment, else from the memory."""
        total = psutil.virtual_memory().total
        heap = heap or os.environ.get(HEAP_VARIABLE) or _share(total, 512, 4096)
        page_cache = page_cache or os.environ.get(PAGE_CACHE_VARIABLE) or _share(total, 256, 8192)
        text = _SETTINGS.format(
            bolt_port=bolt_port, http_port=http_port, heap=heap, page_cache=page_cache, data=self.path / self.data
        )
        (self.path / "conf" / "neo4j.conf").write_text(text, encoding="utf-8")

    def setting(self, name: str) -> str | None:
        """What the settings say of `server.memory.NAME`; None before the first start."""
        file = self.path / "conf" / "neo4j.conf"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return next((line.partition("=")[2] for line in lines if line.startswith(f"server.memory.{name}=")), None)

    @property
    def has_password_set(self) -> bool:
        """Whether Neo4j knows the password: it does once it has one to start with, or has started."""
        return any((self.path / self.data / place).exists() for place in (_AUTH, "databases"))

    def read_process(self) -> dict[str, Any]:
        """What is noted of the server's process: pid, created, bolt_port, http_port; {} when nothing is."""
        return self._read("run/server.json")

    def write_process(self, process: dict[str, Any]) -> None:
        """Note the server's process."""
        self._write("run/server.json", process)

    def tail(self, lines: int) -> str:
        """The last lines of what the server logged, and of what it printed, which is where it says why it stops."""
        files = (self.path / "logs" / "neo4j.log", self.console)
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
        shown = [line for text in texts for line in text.splitlines() if line.strip(_NOT_TEXT)]
        return "\n".join(shown[-lines:])

    def erase(self) -> None:
        """Delete the data, settings, logs and password.

        Raises:
            LocalServerError: the directory is not a store.
        """
        if not self.exists:
            raise LocalServerError("not a store", where=str(self.path), fix="Nothing was deleted.")
        for part in _PARTS:
            shutil.rmtree(self.path / part, ignore_errors=True)
        self._remove_data(but="")
        for file in ("password", _MARK):
            (self.path / file).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        partial = self.path / f"{name}.part"
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self.path / name)


def _share(total: int, least: int, most: int) -> str:
    return f"{min(max(total // 4 // _MB, least), most)}m"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
