"""One real Neo4j for the whole run, provisioned by the project's own code; every test its own graph names."""

from __future__ import annotations

import fcntl
import os
import subprocess
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.chromium import PageLog, open_page, screenshots, start_chromium
from support.examples import EXAMPLES, NAMES, TAGS
from support.program import PROGRAM, Run

from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.server import LocalServer

if TYPE_CHECKING:
    from circuit_tracer import Graph
    from playwright.sync_api import Browser, Page

EXPLAINED = """
MATCH (f:TranscoderFeature) WHERE any(source IN f.explanation_sources WHERE NOT source STARTS WITH 'file:')
RETURN count(f) AS n
"""

for _variable in ("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE", "CIRCUIT_ATLAS_STORE"):
    os.environ.pop(_variable, None)
# Servers here run for seconds: what the second compiler makes of their code would not pay for the time it takes.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Of tests in several processes, those marked `alone` wait until no other runs, and keep others waiting."""
    folder = item.config.cache.mkdir("turns")
    with (folder / "queue").open("w") as queue, (folder / "turn").open("w") as turn:
        fcntl.flock(queue, fcntl.LOCK_EX)  # whoever waits to be alone lets nobody else begin
        fcntl.flock(turn, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests found out, beside having passed."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    for report in reports:
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")


@pytest.fixture(scope="session")
def local_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server of our own, in a new store, for whom the connection is not enough."""
    server = LocalServer(tmp_path_factory.mktemp("server") / "store")
    server.start(quiet=True, heap="1g", page_cache="512m")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def connection(local_server: LocalServer) -> Connection:
    """That server's address and password."""
    connection = local_server.connection()
    assert connection is not None
    return connection


@pytest.fixture(scope="session")
def atlas(connection: Connection) -> Iterator[Atlas]:
    """That server's database."""
    with Atlas(connection, timeout=120) as opened:
        yield opened


@pytest.fixture(scope="session")
def examples(atlas: Atlas) -> dict[str, GraphHandle]:
    """The five real graphs, ingested under their files' names."""
    return {name: atlas.ingest(EXAMPLES / f"{name}.json", name=name, tags=TAGS.get(name, ())) for name in NAMES}


def hold_examples(atlas: Atlas, *names: str) -> None:
    """Make the database hold those of the examples, and nothing else."""
    there = {summary.graph for summary in atlas.graphs().graphs}
    for name in sorted(there - set(names), reverse=True):  # what was collapsed goes before what it was made from
        atlas.delete(name)
    for name in set(names) - there:
        atlas.ingest(EXAMPLES / f"{name}.json", name=name)
    for name in TAGS.keys() & set(names):
        atlas.tag(name, add=TAGS[name])


def forget_explanations(atlas: Atlas) -> None:
    """Graphs are ingested anew where something else than their own labels explains their features."""
    if atlas.cypher(EXPLAINED).rows[0]["n"]:
        hold_examples(atlas)
        atlas.cypher("MATCH (f:TranscoderFeature) DETACH DELETE f", write=True)


@pytest.fixture
def new_name(atlas: Atlas) -> Iterator[Callable[[], str]]:
    """Makes names of graphs; what was stored under them is deleted after the test."""
    names = []

    def make() -> str:
        names.append(f"test-{uuid.uuid4().hex[:12]}")
        return names[-1]

    yield make
    for name in names:
        try:
            atlas.delete(name)
        except GraphNotFoundError:
            pass


@pytest.fixture
def env(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a process that uses the server."""
    values = {
        "NEO4J_URI": connection.uri,
        "NEO4J_USERNAME": connection.username,
        "NEO4J_PASSWORD": connection.password,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **values}


@pytest.fixture
def run(env: dict[str, str], examples: Any) -> Run:
    """Runs circuit-atlas against the test server, where the examples are."""

    def call(*arguments: str, stdin: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [PROGRAM, *arguments]
        return subprocess.run(
            command,
            env={**env, **variables},
            capture_output=True,
            text=True,
            input=stdin,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from support import small_model

    return small_model.build_model(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def attributed(model: Any) -> Graph:
    """circuit-tracer's graph of the Dallas prompt by the small model."""
    from support import small_model

    return small_model.attribute_prompt(model)


@pytest.fixture
def saved(attributed: Graph, tmp_path: Path) -> Path:
    attributed.to_pt(str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"


@pytest.fixture(scope="module")  # playwright leaves an event loop running, in which nothing else can start one
def chromium() -> Iterator[Browser]:
    yield from start_chromium()


@pytest.fixture
def page_log() -> PageLog:
    """What the page asked for and complained of."""
    return PageLog()


@pytest.fixture
def page(chromium: Browser, page_log: PageLog) -> Iterator[Page]:
    """An empty page in a real Chromium; errors in it fail the test, and so does asking another machine for anything."""
    yield from open_page(chromium, page_log)


@pytest.fixture
def screenshot(page: Page) -> Callable[[str], Path]:
    """Keeps a picture of the page under a name, in screenshots/."""
    return screenshots(page)
