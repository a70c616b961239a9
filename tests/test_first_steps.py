"""What a new user does first, on a store of its own: demo, server commands, and a server that is too old."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.examples import EXAMPLES
from support.program import PROGRAM, fails

from circuit_atlas import Atlas, Connection
from circuit_atlas.errors import UnsupportedServerError
from circuit_atlas.examples import ANALOGIES
from circuit_atlas.server import LocalServer, admin, jars, launch, local

pytestmark = pytest.mark.usefixtures("java")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user without NEO4J_URI; the server is small, and stopped in the end."""
    store = tmp_path_factory.mktemp("first") / "store"
    yield {
        **{name: value for name, value in os.environ.items() if not name.startswith("NEO4J_")},
        "CIRCUIT_ATLAS_STORE": str(store),
    }
    LocalServer(store).stop()


def run(home: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], env=home, capture_output=True, text=True, timeout=240, check=False)


def test_the_first_commands_of_a_new_user(home: dict[str, str]) -> None:
    assert "there is no store here" in run(home, "server", "status").stdout
    assert run(home, "doctor").returncode == 0
    demo = run(home, "demo")
    assert demo.returncode == 0, demo.stderr
    assert "Starting Neo4j" in demo.stderr
    assert "Dallas (token@9) --(" in demo.stdout
    assert "25/288 of gemma-2-2b / clt-hp), active in 5 graphs" in demo.stdout
    assert "\x1b" not in demo.stdout
    status = json.loads(run(home, "server", "status", "--json").stdout)
    assert status["running"]
    assert "INFO" in run(home, "server", "logs", "--lines", "20").stdout
    again = run(home, "graphs")
    assert "Starting" not in again.stderr
    assert [g["graph"] for g in json.loads(again.stdout)["graphs"]] == ["dallas", *ANALOGIES]
    assert run(home, "server", "stop").returncode == 0
    started = run(home, "graphs")
    assert "Starting Neo4j" in started.stderr
    assert len(json.loads(started.stdout)["graphs"]) == 6
    assert run(home, "server", "start").returncode == 0
    assert run(home, "server", "reset", "--yes").returncode == 0
    assert "there is no store here" in run(home, "server", "status").stdout


def test_the_demo_replaces_no_graph_of_its_user(own_atlas: Atlas, own_env: dict[str, str]) -> None:
    own_atlas.ingest(EXAMPLES / "dallas-haiku.json", name="dallas")
    fails(run(own_env, "demo"), 1, "already exists with different content\n  `circuit-atlas demo --store DIR` uses")
    assert own_atlas.graph("dallas").stats().edges == 2205


def test_reset_asks_first(home: dict[str, str], tmp_path: Path) -> None:
    """If there is a store to delete."""
    command = [PROGRAM, "server", "reset", "--store", str(tmp_path)]
    nothing = subprocess.run(command, env=home, input="n\n", capture_output=True, text=True, check=False)
    assert nothing.returncode == 3
    assert "not a store" in nothing.stderr
    marker = LocalServer(tmp_path).store.marker
    marker.write_text("{}")
    done = subprocess.run(command, env=home, input="n\n", capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Delete everything" in done.stderr
    assert marker.exists()


def test_without_an_extra_a_command_says_what_to_install(home: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['synth', 'graph.pt']; "
        "from circuit_atlas.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=home, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "writing a .pt needs the extra 'attribution'" in done.stderr
    assert "pip install 'circuit-atlas[attribution]'" in done.stderr


@pytest.mark.timeout(1800)
def test_a_neo4j_too_old_for_cypher_25(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Neo4j 5.26, started by the same code from another lock, on the machine's Java 17 or 21."""
    java = os.environ.get("TEST_JAVA_17") or shutil.which("java")
    version = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    if java is None or not any(f'version "{number}.' in version for number in (17, 21)):
        pytest.skip("Neo4j 5.26 needs a Java 17 or 21 on the PATH (or TEST_JAVA_17)")
    lock = jars.read_lock((Path(__file__).parent / "server" / "neo4j-5.26.lock").read_text(encoding="utf-8"))
    for module in (local, launch):
        monkeypatch.setattr(module, "read_lock", lambda: lock)
    for module in (admin, launch):
        monkeypatch.setattr(module, "JVM_OPTIONS", ("--add-opens=java.base/java.nio=ALL-UNNAMED",))
    monkeypatch.setattr(local, "find_java", lambda *_: Path(java))
    monkeypatch.setattr(launch, "_MAIN_CLASS", "org.neo4j.server.CommunityEntryPoint")
    monkeypatch.setattr("circuit_atlas.server.store._SETTINGS", _settings_of_5())
    server = LocalServer(tmp_path / "store")
    connection: Connection = server.start(quiet=True)
    try:
        with pytest.raises(UnsupportedServerError, match=r"Neo4j 5.26.19 is too old: circuit-atlas needs Cypher 25"):
            Atlas(connection)
        env = {**os.environ, "NEO4J_URI": connection.uri, "NEO4J_PASSWORD": connection.password}
        done = run(env, "graphs")
        assert done.returncode == 3
        assert "too old" in done.stderr
    finally:
        server.stop()


def _settings_of_5() -> str:
    from circuit_atlas.server.store import _SETTINGS

    known = (
        "server.default",
        "server.bolt",
        "server.http.l",
        "server.http.a",
        "server.https",
        "server.memory",
    )
    return "".join(line + "\n" for line in _SETTINGS.splitlines() if line.startswith(known))
