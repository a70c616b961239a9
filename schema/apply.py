"""Brings a database to the schema of this version, and recognises stores of other versions."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from circuit_atlas.errors import SchemaVersionError

if TYPE_CHECKING:
    from neo4j import Driver

SCHEMA_VERSION = 3


def statements() -> list[str]:
    """The statements of `constraints.cypher`, without comments."""
    text = (files(__package__) / "constraints.cypher").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    return [statement.strip() for statement in code.split(";") if statement.strip()]


def read_schema_version(driver: Driver, database: str | None) -> int | None:
    """The schema version of the store; None if circuit-atlas has not used it yet."""
    records, _, _ = driver.execute_query(
        "CYPHER 25 MATCH (s:CircuitAtlas {id: 'store'}) RETURN s.schema_version AS version LIMIT 1",
        database_=database,
    )
    return records[0]["version"] if records else None


def check_schema(driver: Driver, database: str | None) -> int | None:
    """Check that this program can use the store, and return its schema version; None if the store is unused.

    Raises:
        SchemaVersionError: the store was made by a newer circuit-atlas.
    """
    version = read_schema_version(driver, database)
    if version is not None and version > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"the store has schema version {version}, but this circuit-atlas knows only version {SCHEMA_VERSION}",
            fix="Upgrade circuit-atlas (pip install -U circuit-atlas), or use another store.",
        )
    return version


def ensure_schema(driver: Driver, database: str | None) -> None:
    """Create missing constraints and indexes, and store the version. Can be repeated.

    Raises:
        SchemaVersionError: the store was made by a newer circuit-atlas.
    """
    if check_schema(driver, database) != SCHEMA_VERSION:
        create_constraints(driver, database)
        store_version(driver, database)


def create_constraints(driver: Driver, database: str | None) -> None:
    """Run the statements of `constraints.cypher`, and wait for the indexes."""
    for statement in statements():
        driver.execute_query(f"CYPHER 25 {statement}", database_=database)
    driver.execute_query("CYPHER 25 CALL db.awaitIndexes(120)", database_=database)


def store_version(driver: Driver, database: str | None) -> None:
    """Store that the database has the schema of this version."""
    driver.execute_query(
        "CYPHER 25 MERGE (s:CircuitAtlas {id: 'store'}) SET s.schema_version = $version",
        {"version": SCHEMA_VERSION},
        database_=database,
    )
