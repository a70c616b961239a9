"""Statements that the server does not end: Neo4j looks at the clock between rows, not inside an expression."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.program import interruptible
from support.server import started

from circuit_atlas import Atlas, Connection
from circuit_atlas.errors import QueryTimeoutError
from circuit_atlas.server import LocalServer

ENDLESS = "UNWIND $numbers AS n RETURN reduce(s = 0, i IN range(1, 1000000000000) | s + i % n) AS x //"
RUNNING = """
SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND' AND currentQuery ENDS WITH $name
RETURN count(*) AS n
"""


@pytest.fixture(scope="module")
def server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that is killed after these tests: it would go on for hours."""
    for server in started(tmp_path_factory.mktemp("endless") / "store"):
        yield server
        process = psutil.Process(server.status().pid)
        process.kill()
        process.wait(30)


@pytest.fixture
def address(server: LocalServer) -> Connection:
    found = server.connection()
    assert found is not None
    return found


def test_the_client_gives_up_and_goes_on(address: Connection) -> None:
    with Atlas(address, timeout=60) as patient, Atlas(address, timeout=5) as atlas:
        patient.graphs()  # the first statements of a server take their time
        patient.plan(ENDLESS, {"numbers": [7]})
        with pytest.raises(QueryTimeoutError, match=r"did not stop the query(.*\n)*.*server stop"):
            atlas.cypher(f"{ENDLESS} limited", {"numbers": [7]})
        assert atlas.graphs().graphs == []
        assert patient.cypher(RUNNING, {"name": "limited"}).rows == [{"n": 1}]


def test_ctrl_c_gives_up_too(server: LocalServer, address: Connection) -> None:
    command = interruptible(
        "query", f"{ENDLESS} interrupted", "-p", "numbers=[7]", "--store", str(server.store.path), "--timeout", "600"
    )
    with Atlas(address, timeout=60) as atlas:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not atlas.cypher(RUNNING, {"name": "interrupted"}).rows[0]["n"]:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "did not stop the query" in printed
        assert "Traceback" not in printed
        assert atlas.cypher(RUNNING, {"name": "interrupted"}).rows == [{"n": 1}]
