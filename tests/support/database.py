"""A whole database, emptied."""

from __future__ import annotations

from neo4j import Driver

# Relationships first: a transaction that deletes thousands of nodes with theirs would fill the small heap of a test's
# server, which then collects garbage for minutes.
_DELETE = (
    "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS",
    "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 5000 ROWS",
)


def clear(driver: Driver) -> None:
    """Delete everything; constraints and indexes stay."""
    with driver.session() as session:
        for statement in _DELETE:
            session.run(statement).consume()
