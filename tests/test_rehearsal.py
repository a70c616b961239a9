"""What a new server is sent before it is asked: the statements of the first questions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from circuit_atlas import Connection, GraphHandle
from circuit_atlas.database import Database, StatementResult
from circuit_atlas.queries.compare import compare
from circuit_atlas.store import rehearsal
from circuit_atlas.store.rehearsal import rehearse

Plan = tuple[str, tuple[tuple[str, str], ...]]  # what Neo4j keeps a plan by: a statement, and types of its parameters


class Recording(Database):
    """A database that notes which plans its statements have, and what they find."""

    def __init__(self, connection: Connection) -> None:
        self.plans: set[Plan] = set()
        self.found: list[Any] = []  # nodes, graphs and keys in the answers
        self.has_written = False
        super().__init__(connection)

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
        types = {name: type_of(value) for name, value in (parameters or {}).items()}
        self.plans.add((cypher, tuple(sorted(types.items()))))
        self.has_written |= write
        answer = super().run(cypher, parameters, write=write)
        for row in answer.rows:
            self.found.extend([row.get("node"), row.get("graph"), *row.get("keys", [])])
        return answer


def type_of(value: object) -> str:
    """A type as the plans of Neo4j know it: it looks into lists, but not at how long they are."""
    if isinstance(value, list):
        return f"list of {type_of(value[0]) if value else 'any'}"
    return type(value).__name__


@pytest.fixture
def rehearsed(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """The database as `rehearse` has asked it."""
    made: list[Recording] = []

    def connect(to: Connection) -> Recording:
        made.append(Recording(to))
        return made[0]

    monkeypatch.setattr(rehearsal, "Database", connect)
    rehearse(connection)
    return made[0]


@pytest.mark.parametrize(
    "question",
    [
        lambda graph: graph.paths(),
        lambda graph: graph.paths(k=3, max_hops=6),
        lambda graph: graph.neighbors("token:3"),
        lambda graph: graph.count(),
        lambda graph: graph.view(),
        lambda graph: compare(graph.database, "dallas", "winter"),
    ],
)
def test_the_statements_of_first_questions_are_rehearsed(
    connection: Connection,
    rehearsed: Recording,
    examples: dict[str, GraphHandle],
    question: Callable[[GraphHandle], object],
) -> None:
    with Recording(connection) as database:
        question(GraphHandle(database, "dallas"))
    assert database.plans
    assert database.plans <= rehearsed.plans


def test_a_rehearsal_finds_nothing(rehearsed: Recording) -> None:
    assert set(rehearsed.found) == {None}
    assert not rehearsed.has_written


def test_a_rehearsal_that_fails_is_no_error(
    connection: Connection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_FIRST", (("graphs.stats", {}),))
    for server in (connection, replace(connection, uri="bolt://127.0.0.1:1")):
        with caplog.at_level(logging.INFO, logger="circuit_atlas"):
            caplog.clear()
            rehearse(server)
        assert "no rehearsal of questions" in caplog.text
