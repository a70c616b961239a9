"""What is seen of the statements that are sent: by the tracer and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from support.graphs import make_graph

from circuit_atlas import Atlas, Connection, GraphHandle, database
from circuit_atlas.database import Database, check_version, connect
from circuit_atlas.errors import (
    DatabaseError,
    DatabaseStoppedError,
    InvalidArgumentError,
    ServerUnavailableError,
    UnsupportedServerError,
)
from circuit_atlas.graph.best_paths import BestPath, PathFinder
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.store import reconnecting


@pytest.fixture
def traced(connection: Connection) -> tuple[Atlas, list[str]]:
    seen: list[str] = []
    return Atlas(connection, tracer=seen.append), seen


def test_a_question_to_another_server_is_asked_again(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member of a cluster may have stopped."""
    run, lost, asked = Database.run, [ServerUnavailableError("away"), DatabaseStoppedError("away")], list[str]()

    def without_answer(database: Database, statement: str, *arguments: Any, **how: Any) -> Any:
        asked.append(statement)
        if lost:
            raise lost.pop()
        return run(database, statement, *arguments, **how)

    monkeypatch.setattr(reconnecting, "_PAUSE", 0.001)

    with Atlas(connection) as atlas:
        monkeypatch.setattr(Database, "run", without_answer)
        assert atlas.cypher("RETURN 1 AS n").rows == [{"n": 1}]
        lost += [ServerUnavailableError("away")] * 5
        asked.clear()
        with pytest.raises(ServerUnavailableError):
            atlas.graphs()
        assert (len(asked), len(lost)) == (4, 1)
        lost.append(ServerUnavailableError("away"))
        with pytest.raises(ServerUnavailableError):
            atlas.cypher("CREATE (:Never)", write=True)
        assert len(asked) == 5


def test_nobody_waits_for_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's own pauses between attempts would make it seconds."""
    monkeypatch.setattr(database, "_PATIENCE", 3600.0)
    for scheme in ("bolt", "neo4j", "NEO4J"):
        with pytest.raises(ServerUnavailableError):
            connect(Connection(uri=f"{scheme}://127.0.0.1:1", password="x"))


def test_a_database_that_does_not_exist_is_named(connection: Connection) -> None:
    for scheme in ("bolt", "neo4j"):
        nowhere = replace(connection, uri=connection.uri.replace("bolt", scheme), database="nowhere")
        with pytest.raises(DatabaseError, match="nowhere"):
            Atlas(nowhere)


def test_the_tracer_sees_statements_that_read_and_that_write(
    traced: tuple[Atlas, list[str]], new_name: Callable[[], str]
) -> None:
    (atlas, seen), name = traced, new_name()
    with atlas:
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 2.0)]), name=name)
        written = "\n".join(seen)
        seen.clear()
        atlas.graph(name).paths()
    assert "CREATE" in written
    assert f"`name`: '{name}'" in written or f"graph => '{name}'" in written
    assert any("PathBounds" in text and f"graph => '{name}'" in text for text in seen)
    assert all(text.count("CYPHER 25") == 1 for text in seen)


def test_a_traced_read_can_be_run_again(traced: tuple[Atlas, list[str]], examples: dict[str, object]) -> None:
    atlas, seen = traced
    with atlas:
        expected = atlas.query("nodes.tokens", {"graph": "dallas"}).rows
        parameters, _, statement = seen[-1].partition("\n\n")
        assert parameters == ":param graph => 'dallas';"
        assert atlas.cypher(statement, {"graph": "dallas"}).rows == expected


def test_a_report_reads_its_graph_and_searches_its_paths_once(
    traced: tuple[Atlas, list[str]], examples: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (atlas, seen), searches, best = traced, list[int](), PathFinder.best

    def counted(finder: PathFinder, targets: Sequence[int], k: int, **which: Any) -> list[BestPath]:
        searches.append(k)
        return best(finder, targets, k, **which)

    monkeypatch.setattr(PathFinder, "best", counted)
    with atlas:
        GraphHandle(atlas, "dallas").report()
    statistics = find_query("graphs.stats").cypher().partition("CYPHER 25")[2]
    assert len([text for text in seen if text.endswith(statistics)]) == 1
    assert len(searches) == 1


def test_long_lists_of_written_rows_are_shortened(traced: tuple[Atlas, list[str]], new_name: Callable[[], str]) -> None:
    (atlas, seen), name = traced, new_name()
    layers = list(range(40))
    edges = [(i, j, 1.0) for i in layers for j in layers if i < j]
    with atlas:
        load_graph(atlas, make_graph(layers, edges), name=name)
    assert any(" more */" in text for text in seen)


def test_every_statement_is_logged(
    traced: tuple[Atlas, list[str]], new_name: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    (atlas, seen), name = traced, new_name()
    seen.clear()
    with atlas, caplog.at_level(logging.DEBUG, "circuit_atlas"):
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 2.0)]), name=name)
        atlas.graphs()
        read_graph_data(atlas.graph(name), relationships=True)
    messages = [record.getMessage() for record in caplog.records if record.name == "circuit_atlas.database"]
    assert len([message for message in messages if " rows in " in message]) == len(seen)
    assert any(message.startswith("committed in") for message in messages)


@pytest.mark.parametrize("timeout", [0, -1, 86_401])
def test_a_timeout_out_of_range_is_refused(connection: Connection, timeout: float) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout cannot be"):
        Database(connection, timeout=timeout)


@pytest.mark.parametrize("value", ["\ud83d", 2**70, object(), {"a": ["\udc00"]}])
def test_values_that_cannot_be_sent_are_told_from_addresses(atlas: Atlas, value: object) -> None:
    for write in (False, True):
        with pytest.raises(InvalidArgumentError, match="a value cannot be sent to the database"):
            atlas.cypher("RETURN $value AS value", {"value": value}, write=write)
    assert atlas.cypher("RETURN 1 AS one").rows == [{"one": 1}]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:7474", "HTTPS://127.0.0.1"])
def test_addresses_of_web_pages_are_refused_before_anything_is_sent(uri: str) -> None:
    with pytest.raises(DatabaseError, match=r"not of the database \(Bolt\)[^$]*bolt://"):
        connect(Connection(uri, password="x"))


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1", "bolt://127.0.0.1:port", f"bolt://{'x' * 70}.y:1", ""])
def test_addresses_that_cannot_be_used(uri: str) -> None:
    with pytest.raises(DatabaseError, match=r"not a usable address|no Neo4j server answers"):
        connect(Connection(uri, password="x"))


@pytest.mark.parametrize(
    ("version", "is_known"),
    [("2026.07.1", True), ("2025.06.0", True), ("5.27-aura", True), ("5.26.0", False), ("4.4.1", False)],
)
def test_servers_that_are_too_old_are_refused(version: str, is_known: bool) -> None:
    with nullcontext() if is_known else pytest.raises(UnsupportedServerError, match="too old"):
        check_version(version, "bolt://somewhere")
