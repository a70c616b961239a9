"""Where the database is, from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuit_atlas import Atlas, Connection
from circuit_atlas.config import STORE_VARIABLE, chosen_connection, store_path
from circuit_atlas.errors import DatabaseError, InvalidArgumentError


def test_without_an_address_there_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Connection.from_environment() is None
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    assert Connection.from_environment() is None


def test_an_address_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://db")
    with pytest.raises(DatabaseError, match="NEO4J_PASSWORD is not") as raised:
        Connection.from_environment()
    assert raised.value.exit_code == 3


def test_a_connection_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://db")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    plain = Connection.from_environment()
    assert plain == Connection("bolt://db", "neo4j", "secret", None)
    assert "secret" not in repr(plain)
    monkeypatch.setenv("NEO4J_USERNAME", "me")
    monkeypatch.setenv("NEO4J_DATABASE", "graphs")
    assert Connection.from_environment() == Connection("bolt://db", "me", "secret", "graphs")


@pytest.mark.parametrize(
    "uri",
    ["bolt://user:sesame@db", "neo4j+s://sesame@db:7687", "bolt://u:ses@ame?x@db", "u:sesame@db", "//u:sesame@db"],
)
def test_an_address_with_a_password_is_refused_and_not_shown(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", uri)
    monkeypatch.setenv("NEO4J_PASSWORD", "other")
    for make in (Connection.from_environment, lambda: Connection(uri)):
        with pytest.raises(DatabaseError, match="has a user name or a password in it") as raised:
            make()
        assert "sesame" not in repr(raised.value) + str(raised.value)
        assert raised.value.fix


def test_the_directory_of_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert store_path() == tmp_path / "data" / "circuit-atlas" / "store"
    monkeypatch.setenv(STORE_VARIABLE, "~/mine")
    assert store_path() == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert store_path("given") == tmp_path / "given"
    assert store_path("~no-such-user/mine") == tmp_path / "~no-such-user" / "mine"


def test_an_empty_text_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is that of a shell's variable that is not set: the database of another variable would be used."""
    monkeypatch.setenv(STORE_VARIABLE, "/variable")
    for use in (store_path, chosen_connection):
        with pytest.raises(InvalidArgumentError, match="the directory of the store is an empty text"):
            use("")


def test_a_store_comes_before_neo4j_uri_and_that_before_the_variable_of_the_store(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, "/variable")
    assert chosen_connection() is None
    assert not caplog.messages
    monkeypatch.setenv("NEO4J_URI", "bolt://db")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    assert chosen_connection() == Connection("bolt://db", password="secret")
    assert chosen_connection("given") is None
    monkeypatch.delenv(STORE_VARIABLE)
    assert chosen_connection("given") is None
    assert chosen_connection()
    assert caplog.messages == [
        "Using NEO4J_URI, not CIRCUIT_ATLAS_STORE.",
        "Using the store given, not NEO4J_URI or CIRCUIT_ATLAS_STORE.",
        "Using the store given, not NEO4J_URI.",
    ]


def test_a_current_directory_that_was_deleted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidArgumentError, match="current directory does not exist"):
        store_path("relative")
    assert store_path(tmp_path) == tmp_path


def test_a_connection_and_a_store_are_two_databases(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="a connection and a store are two databases"):
        Atlas(Connection("bolt://127.0.0.1:1"), store=tmp_path)
