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
    _check_indexes(database)
    for name in schema_names():  # not all indexes of the database, which may have others
        database.write("CYPHER 25 CALL db.awaitIndex($name, 120)", name=name)


def _check_indexes(database: Statements) -> None:
    """Check that the indexes of our names are ours: Neo4j makes none if one of the name exists, whatever it is of.

    Raises:
        SchemaVersionError: another program has one of that name.
    """
    rows = database.read(
        "SHOW INDEXES YIELD name, labelsOrTypes, properties WHERE name IN $names", names=schema_names()
    )
    found = {row["name"]: (set(row["labelsOrTypes"] or []), set(row["properties"] or [])) for row in rows}
    for name, statement in zip(schema_names(), statements(), strict=True):
        labels, properties = _LABELS.findall(statement), _PROPERTY.findall(statement)
        if found.get(name) != (set(labels[0].split("|")), set(properties)):
            of = f"is of {', '.join(sorted(found[name][0]))}" if name in found else "does not exist"
            raise SchemaVersionError(
                f"the index {name!r}, which circuit-atlas needs, {of}",
                fix="Drop or rename the index or constraint of another program, or use another database.",
            )


def note_version(database: Statements) -> None:
    """Store the version of this schema."""
    database.write(
        "CYPHER 25 MERGE (s:CircuitAtlas {id: 'store'}) SET s.schema_version = $version", version=SCHEMA_VERSION
    )
