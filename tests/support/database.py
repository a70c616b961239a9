"""A whole database, emptied."""

from __future__ import annotations

from neo4j import Driver


def clear(driver: Driver) -> None:
    """Delete everything; constraints and indexes stay."""
    with driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS").consume()
