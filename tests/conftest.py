"""Fixtures of all tests. What a test needs follows from the fixtures that it uses, and is marked by itself.

A test that runs a Neo4j uses `java`, directly or through another fixture, one that needs torch and circuit-tracer uses
`torch`, one that looks at pages uses `chromium`. `make test-fast` runs the tests that need neither Java nor torch,
except those marked as slow.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from support.chromium import PageLog, open_page, screenshots, start_chromium
from support.database import clear, contents
from support.examples import DATA, STORED, ingest_examples
from support.program import Run, run_program
from support.server import JAVA_OPTIONS, make_class_archive, started

from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.database import connect
from circuit_atlas.ingest.delete import remove_graph
from circuit_atlas.server import LocalServer, find_java
from circuit_atlas.server.java import JAVA_VARIABLE
from circuit_atlas.server.store import HEAP_VARIABLE, PAGE_CACHE_VARIABLE

if TYPE_CHECKING:
    from circuit_tracer import Graph, ReplacementModel
    from playwright.sync_api import Browser, Page

# Files of long tests, which begin first: at the end, no worker has to wait for them.
LONG = ("test_faults", "test_cli", "test_export", "test_docs", "test_bulk", "test_catalogue", "test_local")
# The database that tests share, once it has been opened, and its contents.
SHARED = pytest.StashKey[tuple[Atlas, set[str]]]()
BEGINNING = "MATCH (g:Graph) WHERE g.name STARTS WITH $name AND NOT g.name CONTAINS '~' RETURN g.name AS graph"
MARKS = {"java": "server", "torch": "torch", "chromium": "browser"}  # by fixture

# How long an example takes depends on what else the machine does. To explain a failure, hypothesis may fill the memory.
settings.register_profile("suite", deadline=None, phases=[phase for phase in Phase if phase is not Phase.explain])
settings.load_profile("suite")
for _variable in ("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE", STORE_VARIABLE):
    os.environ.pop(_variable, None)
os.environ[HEAP_VARIABLE], os.environ[PAGE_CACHE_VARIABLE] = "1g", "256m"
# Servers here run for seconds or minutes: what the second compiler makes of their code would not pay for the time it
# takes, which is half of what a server that all tests share used.
os.environ.setdefault(JAVA_OPTIONS, "-XX:TieredStopAtLevel=1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark each test with what its fixtures need, and put files of long tests first."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    for item in items:
        for fixture in MARKS.keys() & set(item.fixturenames):
            item.add_marker(MARKS[fixture])


@pytest.fixture(autouse=True)
def as_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that is not marked for it starts no Java, also not in its child processes, and imports no torch."""
    if not request.node.get_closest_marker("server"):
        monkeypatch.setenv(JAVA_VARIABLE, "a test without the fixture `java`")
    is_imported = "torch" in sys.modules
    yield
    assert is_imported or "torch" not in sys.modules or request.node.get_closest_marker("torch")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured, beside having passed."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    for report in reports:
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")


@pytest.fixture(scope="session")
def java() -> Path:
    """The Java that runs Neo4j."""
    found = find_java()
    make_class_archive(found)
    return found


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """torch, where circuit-tracer is installed, too."""
    pytest.importorskip("circuit_tracer")
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def local_server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The server that tests share. They add graphs under names of their own, and change nothing else."""
    yield from started(tmp_path_factory.mktemp("server") / "store", is_lasting=True)


@pytest.fixture(scope="session")
def own_server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A second server, for tests that need a database to themselves; see `own_atlas`."""
    # With characters that mean something to one of Neo4j's programs.
    yield from started(tmp_path_factory.mktemp("own") / "store,seed=1", is_lasting=True)


@pytest.fixture
def own_atlas(own_server: LocalServer) -> Iterator[Atlas]:
    """A database that a test has to itself, empty. Its store may be changed in any way, too."""
    with connect(own_server.start(quiet=True)) as driver:
        clear(driver)
    with Atlas(store=own_server.store.path, timeout=120) as opened:
        yield opened


@pytest.fixture
def own_env(own_server: LocalServer, own_atlas: Atlas) -> dict[str, str]:
    """The environment of a process that uses that database."""
    return {**os.environ, STORE_VARIABLE: str(own_server.store.path)}


@pytest.fixture(scope="session")
def connection(local_server: LocalServer) -> Connection:
    """Address and password of the server that tests share."""
    connection = local_server.connection()
    assert connection is not None
    return connection


@pytest.fixture(scope="session")
def atlas(connection: Connection, pytestconfig: pytest.Config) -> Iterator[Atlas]:
    """The database that tests share: it has the examples, and after each file of tests nothing else."""
    with Atlas(connection, timeout=120) as opened:
        ingest_examples(opened)["opposite-small"].collapsed()  # which many tests ask about
        pytestconfig.stash[SHARED] = opened, contents(opened)
        yield opened
        del pytestconfig.stash[SHARED]


@pytest.fixture(scope="module", autouse=True)
def shared_database_is_left_as_it_was(pytestconfig: pytest.Config) -> Iterator[None]:
    """What a file of tests adds to the shared database it takes away again: no test depends on those before it."""
    yield
    if SHARED in pytestconfig.stash:
        atlas, before = pytestconfig.stash[SHARED]
        after = contents(atlas)
        pytestconfig.stash[SHARED] = atlas, after  # so that what one file leaves is not an error of all later ones
        assert (after - before, before - after) == (set(), set())


@pytest.fixture(scope="session")
def examples(atlas: Atlas) -> dict[str, GraphHandle]:
    """The real graphs of the examples, by name, in the database that tests share."""
    return {name: atlas.graph(name) for name in STORED}


@pytest.fixture
def new_name(atlas: Atlas) -> Iterator[Callable[[], str]]:
    """Makes names of graphs. Graphs stored under them, or under names that start with them, are deleted after the
    test."""
    names = []

    def make() -> str:
        names.append(f"test-{uuid.uuid4().hex[:12]}")
        return names[-1]

    yield make
    for name in names:
        for row in atlas.cypher(BEGINNING, {"name": name}).rows:
            remove_graph(atlas, row["graph"])  # nobody else looks: it need not be hidden first


@pytest.fixture
def env(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a process that uses the database that tests share."""
    values = {
        "NEO4J_URI": connection.uri,
        "NEO4J_USERNAME": connection.username,
        "NEO4J_PASSWORD": connection.password,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **values}


@pytest.fixture
def run(env: dict[str, str], examples: dict[str, GraphHandle]) -> Run:
    """Runs circuit-atlas against the database that tests share."""

    def call(*arguments: str, stdin: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_program(*arguments, env={**env, **variables}, stdin=stdin)

    return call


@pytest.fixture
def small_pt(tmp_path: Path) -> Path:
    """A `.pt` of 23 nodes; a copy, which a test may change."""
    return Path(shutil.copy(DATA / "small.pt", tmp_path))


@pytest.fixture(scope="session")
def small_model(torch: ModuleType) -> ModuleType:
    """The module that makes a small model and its graphs. It imports torch, so that tests get it from here."""
    from support import small_model

    return small_model


@pytest.fixture(scope="session")
def model(small_model: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ReplacementModel:
    """A small model with transcoders."""
    return small_model.build_model(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def attributed(small_model: ModuleType, model: ReplacementModel) -> Graph:
    """circuit-tracer's graph of the Dallas prompt by the small model."""
    return small_model.attribute_prompt(model)


@pytest.fixture
def saved(attributed: Graph, tmp_path: Path) -> Path:
    """That graph as circuit-tracer saves it."""
    attributed.to_pt(str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"


@pytest.fixture(scope="module")  # playwright leaves an event loop running, in which nothing else can start one
def chromium() -> Iterator[Browser]:
    """A Chromium without a window."""
    yield from start_chromium()


@pytest.fixture
def page_log() -> PageLog:
    """The requests and errors of the page."""
    return PageLog()


@pytest.fixture
def page(chromium: Browser, page_log: PageLog) -> Iterator[Page]:
    """An empty page in a real Chromium; errors in it fail the test, and so do requests to other machines."""
    yield from open_page(chromium, page_log)


@pytest.fixture
def screenshot(page: Page) -> Callable[[str], Path]:
    """Keeps a picture of the page under a name, in screenshots/."""
    return screenshots(page)
