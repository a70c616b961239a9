"""Only commands that store something make a store, and a session starts its server again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from neo4j.exceptions import ServiceUnavailable
from support.examples import example_file
from support.program import fails, run_program

from circuit_atlas import Atlas
from circuit_atlas.config import STORE_VARIABLE, Connection
from circuit_atlas.database import Database
from circuit_atlas.errors import (
    DatabaseError,
    DatabaseStoppedError,
    InputError,
    LocalServerError,
    NodeNotFoundError,
    ServerUnavailableError,
)
from circuit_atlas.queries.graph_results import Graphs
from circuit_atlas.schema import apply
from circuit_atlas.server import LocalServer
from circuit_atlas.store import reconnecting


@pytest.mark.parametrize(
    "command", ["graphs", "paths dallas", "search texas", "verify", "delete dallas", "backup file.dump", "browse"]
)
def test_a_question_does_not_make_a_store(command: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NEO4J_URI"}
    environment[STORE_VARIABLE] = str(tmp_path / "store")
    done = run_program(*command.split(), env=environment, cwd=tmp_path)
    fails(done, 3, "there is no store here", "circuit-atlas ingest FILE")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["ingest no.json", "ingest --bulk no.json", "restore no.dump"])
def test_a_missing_file_does_not_make_a_store(command: str, tmp_path: Path) -> None:
    done = run_program(*command.split(), "--store", str(tmp_path / "store"), env=dict(os.environ), cwd=tmp_path)
    assert done.returncode
    assert "no.json" in done.stdout + done.stderr or "no.dump" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_commands_about_the_server_say_that_there_is_no_store(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return run_program(*words, "--store", str(tmp_path / "store"), env=dict(os.environ))

    for command in ("stop", "logs"):
        fails(run("server", command), 3, "there is no store here")
    assert "no store here" in run("server", "status").stdout
    assert json.loads(run("server", "status", "--json").stdout)["exists"] is False
    assert "there is no store here yet" in run("doctor").stdout
    assert list(tmp_path.iterdir()) == []


def test_a_question_in_python_does_not_make_a_store(tmp_path: Path, own_server: LocalServer) -> None:
    with Atlas(store=tmp_path / "store") as atlas:
        for ask in (atlas.graphs, lambda: atlas.graph("dallas"), lambda: atlas.delete("x"), lambda: atlas.driver):
            with pytest.raises(LocalServerError, match="there is no store here"):
                ask()
        with pytest.raises(InputError):
            atlas.ingest(tmp_path / "no.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_atlas")  # it empties the store that tests before have used
def test_a_closed_connection_says_so(own_server: LocalServer) -> None:
    with Atlas(store=own_server.store.path) as atlas:
        pass
    with pytest.raises(DatabaseError, match="the connection is closed"):
        atlas.graphs()


def test_a_session_starts_its_server_again(own_atlas: Atlas, own_server: LocalServer) -> None:
    graph = own_atlas.ingest(example_file("dallas"), name="dallas")
    before = graph.count().total
    own_server.stop()
    assert graph.count().total == before  # a question
    own_server.stop()
    assert own_atlas.tag("dallas", add=["kept"]).graphs[0].tags == ["kept"]  # and a write


SLOW = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n // slow"
RUNNING = "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery ENDS WITH '// slow' RETURN count(*) AS n"


def test_a_session_that_could_not_connect_again_tries_once_more(
    own_atlas: Atlas, own_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has stopped the server again, for a backup, before it had answered."""
    check = apply.check_schema

    def stopped(_: Atlas) -> int | None:
        monkeypatch.setattr(reconnecting, "check_schema", check)
        raise ServiceUnavailable("away")

    own_server.stop()
    monkeypatch.setattr(reconnecting, "check_schema", stopped)
    with pytest.raises(ServerUnavailableError):
        own_atlas.graphs()
    assert own_atlas.graphs().graphs == []


def test_a_question_waits_until_new_data_are_checked(own_atlas: Atlas, own_server: LocalServer) -> None:
    """Before, they may lack indexes, names and columns."""
    backup = own_server.store.path.with_name("backup.dump")
    own_atlas.ingest(example_file("dallas"), name="dallas")
    own_atlas.backup(backup)
    with ThreadPoolExecutor(1) as pool, Atlas(store=own_server.store.path) as reader:
        reader.graphs()
        asked: list[Future[Graphs]] = []

        def check(_: object) -> None:
            asked.append(pool.submit(reader.graphs))
            with pytest.raises(TimeoutError):
                asked[0].result(1)

        load = ["database", "load", "neo4j", f"--from-path={backup.parent}", "--overwrite-destination=true"]
        renamed = backup.rename(backup.with_name("neo4j.dump"))
        own_server.rebuild(lambda: None, lambda admin: admin.run(*load), check, quiet=True)
        assert [summary.graph for summary in asked[0].result(60).graphs] == ["dallas"]
        renamed.unlink()


def test_a_write_does_not_get_into_new_data_that_are_checked(own_atlas: Atlas, own_server: LocalServer) -> None:
    """The server that runs on them has the address of the one that the write has been waiting for."""
    own_atlas.ingest(example_file("dallas"), name="dallas")
    with ThreadPoolExecutor(1) as pool, Atlas(store=own_server.store.path) as writer:
        writer.graphs()
        asked: list[Future[Any]] = []

        def check(connection: Connection) -> None:
            with Database(connection) as new, new.driver.session() as session:
                session.run("CREATE (:Marked)").consume()
                write = [("MATCH (m:Marked) SET m.seen = true", dict[str, Any]())]
                asked.append(pool.submit(writer._write, write, lambda _: None, 60))
                with pytest.raises(TimeoutError):
                    asked[0].result(2)
                assert session.run("MATCH (m:Marked) RETURN m.seen AS seen").single(strict=True)["seen"] is None

        own_server.rebuild(lambda: None, lambda _admin: None, check, quiet=True)
        asked[0].result(60)
        assert writer.cypher("MATCH (m:Marked) RETURN m.seen AS seen").rows == [{"seen": True}]


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


def test_questions_of_an_empty_database_say_that_it_is_empty(own_server: LocalServer, own_atlas: Atlas) -> None:
    answers = own_atlas.graphs(), own_atlas.search("texas"), own_atlas.recurring(), own_atlas.verify()
    assert [answer.notes for answer in answers] == [
        ["The database has no graph yet. `circuit-atlas ingest FILE` adds one."]
    ] * len(answers)
    assert own_atlas.tags().notes == ["The database has no tag yet; `circuit-atlas tag` adds one."]


def test_a_store_that_has_only_been_started_can_be_asked(tmp_path: Path, java: Path) -> None:
    server = LocalServer(tmp_path / "store")
    server.start(quiet=True)
    with Atlas(store=tmp_path / "store") as atlas:
        assert "no graph yet" in atlas.search("texas").notes[0]
        with pytest.raises(NodeNotFoundError):
            atlas.feature("Texas")
    server.stop()
