"""A whole database, emptied or counted."""

from __future__ import annotations

from collections.abc import Mapping

from neo4j import Driver

from circuit_atlas import Atlas

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


def contents(atlas: Atlas) -> Mapping[str, object]:
    """The names of the graphs, and how many nodes and relationships there are of each label and type."""
    return {
        kind: sorted(map(str, atlas.cypher(statement).rows))
        for kind, statement in {
            "graphs": "MATCH (g:Graph) RETURN g.name AS name",
            "nodes": "MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) AS nodes",
            "relationships": "MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS relationships",
        }.items()
    }
