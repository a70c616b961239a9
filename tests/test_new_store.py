"""Only commands that store something make a store, and a session starts its server again."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.examples import example_file
from support.program import fails, run_program

from circuit_atlas import Atlas
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.errors import DatabaseStoppedError, LocalServerError
from circuit_atlas.server import LocalServer


@pytest.mark.parametrize(
    "command", ["graphs", "paths dallas", "search texas", "verify", "delete dallas", "backup file.dump", "browse"]
)
def test_a_question_does_not_make_a_store(command: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NEO4J_URI"}
    environment[STORE_VARIABLE] = str(tmp_path / "store")
    done = run_program(*command.split(), env=environment, cwd=tmp_path)
    fails(done, 3, "there is no store here", "circuit-atlas ingest FILE")
    assert list(tmp_path.iterdir()) == []


def test_python_makes_one_unless_told_not_to(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="no store"):
        Atlas(store=tmp_path / "store", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_session_starts_its_server_again(own_atlas: Atlas, own_server: LocalServer) -> None:
    graph = own_atlas.ingest(example_file("dallas"), name="dallas")
    before = graph.count().total
    own_server.stop()
    assert graph.count().total == before  # a question
    own_server.stop()
    assert own_atlas.tag("dallas", add=["kept"]).graphs[0].tags == ["kept"]  # and a write


SLOW = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n // slow"
RUNNING = "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery ENDS WITH '// slow' RETURN count(*) AS n"


def test_a_server_that_is_stopped_during_a_question(own_atlas: Atlas, own_server: LocalServer) -> None:
    """The question fails with a sentence, and the session goes on."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(own_atlas.cypher, SLOW)
        while not asked.done() and own_atlas.cypher(RUNNING).rows == [{"n": 0}]:
            time.sleep(0.1)
        own_server.stop()
        with pytest.raises(DatabaseStoppedError, match="the database has stopped"):
            asked.result()
    assert len(own_atlas.graphs()) == 0


def test_a_store_is_the_same_behind_a_link(own_atlas: Atlas, own_server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(own_server.store.path.parent)
    linked, here = LocalServer(tmp_path / "link" / own_server.store.path.name).status(), own_server.status()
    assert (linked.running, linked.pid, linked.uri) == (True, here.pid, here.uri)
