"""Brings a database to the schema of this version, and recognises stores of other versions."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Protocol

from circuit_atlas.errors import SchemaVersionError

SCHEMA_VERSION = 5
_LABELS = re.compile(r"FOR \(\w+:([\w|]+)\)")  # in a statement of `constraints.cypher`
_PROPERTY = re.compile(r"\w\.(\w+)")


class Statements(Protocol):
    """Runs statements: `circuit_atlas.database.Database`."""

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
        SchemaVersionError: the store was made by a newer circuit-atlas, or see `create_constraints`.
    """
    if check_schema(database) != SCHEMA_VERSION:
        create_constraints(database)
        note_version(database)


def create_constraints(database: Statements) -> None:
    """Run the statements of `constraints.cypher`, and wait for the indexes.

    Raises:
        SchemaVersionError: another program has a constraint or index of one of the names.
    """
    for statement in statements():
        database.write(f"CYPHER 25 {statement}")
    for name in _indexes(database):  # not all indexes of the database, which may have others
        database.write("CYPHER 25 CALL db.awaitIndex($name, 120)", name=name)


def _indexes(database: Statements) -> list[str]:
    """Names of the indexes that serve as ours. Neo4j makes none, and says nothing, where one of the name exists,
    whatever it is of, or where another program has the same one under another name, which does as well.

    Raises:
        SchemaVersionError: another program has a constraint of one of the names.
    """
    rows = database.read("SHOW INDEXES YIELD name, type, labelsOrTypes, properties, owningConstraint")
    return [_index(rows, name, statement) for name, statement in zip(schema_names(), statements(), strict=True)]


def _index(rows: list[dict[str, Any]], name: str, statement: str) -> str:
    labels, properties = set(_LABELS.findall(statement)[0].split("|")), _PROPERTY.findall(statement)
    is_text, is_unique = "FULLTEXT" in statement, "IS UNIQUE" in statement
    for row in rows:
        same = set(row["labelsOrTypes"] or []) == labels and row["properties"] == properties
        usable = row["name"] == name if is_text else row["type"] == "RANGE"  # a full-text index is asked by its name
        if same and usable and (row["owningConstraint"] is not None or not is_unique):
            return str(row["name"])
    of = next((f"is of :{'|'.join(sorted(row['labelsOrTypes'] or []))}" for row in rows if row["name"] == name), "")
    raise SchemaVersionError(
        f"the index {name!r}, which circuit-atlas needs, {of or 'does not exist'}",
        fix="Drop or rename the index or constraint of another program, or use another database.",
    )


def note_version(database: Statements) -> None:
    """Store the version of this schema."""
    database.write(
        "CYPHER 25 MERGE (s:CircuitAtlas {id: 'store'}) SET s.schema_version = $version", version=SCHEMA_VERSION
    )
