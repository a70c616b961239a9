"""Only commands that store something make a store, and a session starts its server again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.examples import example_file
from support.program import PROGRAM, fails

from circuit_atlas import Atlas
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.errors import LocalServerError
from circuit_atlas.server import LocalServer


@pytest.mark.parametrize(
    "command", ["graphs", "paths dallas", "search texas", "verify", "delete dallas", "backup file.dump", "browse"]
)
def test_a_question_does_not_make_a_store(command: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NEO4J_URI"}
    done = subprocess.run(
        [PROGRAM, *command.split()],
        env={**environment, STORE_VARIABLE: str(tmp_path / "store")},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
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
