"""Brings a database to the schema of this version, and recognises stores of other versions."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Protocol

from circuit_atlas.errors import SchemaVersionError

SCHEMA_VERSION = 5


class Statements(Protocol):
    """What runs statements: `circuit_atlas.database.Database`."""

    def read(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of a statement that reads."""

    def write(self, *statements: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of the last of some statements that write."""


def statements() -> list[str]:
    """The statements of `constraints.cypher`, without comments."""
    text = (files(__package__) / "constraints.cypher").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    return [statement.strip() for statement in code.split(";") if statement.strip()]


def schema_names() -> list[str]:
    """Names of the constraints and indexes of this schema."""
    return [statement.split()[statement.split().index("IF") - 1] for statement in statements()]


def read_schema_version(database: Statements) -> int | None:
    """The schema version of the store; None if circuit-atlas has not used it yet."""
    rows = database.read("CYPHER 25 MATCH (s:CircuitAtlas {id: 'store'}) RETURN s.schema_version AS version LIMIT 1")
    return rows[0]["version"] if rows else None


def check_schema(database: Statements) -> int | None:
    """The store's schema version, after checking that this program can use it (None: an unused store).

    Raises:
        SchemaVersionError: the store was made by a newer circuit-atlas.
    """
    version = read_schema_version(database)
    if version is not None and version > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"the store has schema version {version}; this circuit-atlas supports up to {SCHEMA_VERSION}",
            fix="Upgrade circuit-atlas (pip install -U circuit-atlas), or use another store.",
        )
    return version


def ensure_schema(database: Statements) -> None:
    """Create the constraints and indexes that are missing, and note the version. Can be repeated.

    Raises:
        SchemaVersionError: the store was made by a newer circuit-atlas.
    """
    if check_schema(database) != SCHEMA_VERSION:
        create_constraints(database)
        note_version(database)


def create_constraints(database: Statements) -> None:
    """Run the statements of `constraints.cypher`, and wait for the indexes."""
    for statement in statements():
        database.write(f"CYPHER 25 {statement}")
    database.read("CYPHER 25 CALL db.awaitIndexes(120)")


def note_version(database: Statements) -> None:
    """Store the version of this schema."""
    database.write(
        "CYPHER 25 MERGE (s:CircuitAtlas {id: 'store'}) SET s.schema_version = $version", version=SCHEMA_VERSION
    )
