"""What a new server is sent before it is asked: the statements of the first questions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from circuit_atlas import Connection, GraphHandle
from circuit_atlas.database import Database, StatementResult
from circuit_atlas.store import rehearsal
from circuit_atlas.store.rehearsal import rehearse

Plan = tuple[str, tuple[tuple[str, str], ...]]  # what Neo4j keeps a plan by: a statement, and types of its parameters


class Recording(Database):
    """A database that notes which plans its statements have."""

    def __init__(self, connection: Connection) -> None:
        self.plans: set[Plan] = set()
        super().__init__(connection)

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
        types = {name: type_of(value) for name, value in (parameters or {}).items()}
        self.plans.add((cypher, tuple(sorted(types.items()))))
        return super().run(cypher, parameters, write=write)


def type_of(value: object) -> str:
    """A type as the plans of Neo4j know it: it looks into lists, but not at how long they are."""
    if isinstance(value, list):
        return f"list of {type_of(value[0]) if value else 'any'}"
    return type(value).__name__


def plans_of(connection: Connection, work: Callable[[Database], object]) -> set[Plan]:
    with Recording(connection) as database:
        work(database)
        return database.plans


@pytest.mark.parametrize(
    "question",
    [
        lambda graph: graph.paths(),
        lambda graph: graph.paths(k=3, max_hops=6),
        lambda graph: graph.neighbors("token:3"),
    ],
)
def test_the_statements_of_first_questions_are_rehearsed(
    connection: Connection, examples: dict[str, GraphHandle], question: Callable[[GraphHandle], object]
) -> None:
    rehearsed = plans_of(connection, rehearse)
    asked = plans_of(connection, lambda database: question(GraphHandle(database, "dallas")))
    assert asked
    assert asked <= rehearsed


def test_a_rehearsal_finds_nothing(connection: Connection, examples: dict[str, GraphHandle]) -> None:
    found: set[str | None] = set()

    class Noting(Recording):
        def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
            assert not write
            answer = super().run(cypher, parameters)
            for row in answer.rows:
                found.update([row.get("node"), row.get("graph"), *row.get("keys", [])])
            return answer

    with Noting(connection) as database:
        rehearse(database)
    assert found == {None, ""}  # "" is the graph that graphs.versions does not find


def test_a_rehearsal_that_fails_is_no_error(
    connection: Connection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_FIRST", (("graphs.stats", {}),))
    with caplog.at_level(logging.INFO, logger="circuit_atlas"), Database(connection) as database:
        rehearse(database)
    assert "no rehearsal of questions" in caplog.text
