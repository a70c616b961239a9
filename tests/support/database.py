"""A whole database, emptied or counted."""

from __future__ import annotations

from neo4j import Driver

from circuit_atlas import Atlas

# Relationships first: a transaction that deletes thousands of nodes with theirs would fill the small heap of a test's
# server, which then collects garbage for minutes.
_DELETE = (
    "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS",
    "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 5000 ROWS",
)
_CONTENTS = (
    "MATCH (g:Graph) RETURN g.name AS graph",
    # Features outlive their graphs once somebody has explained them.
    "MATCH (n) WHERE NOT n:TranscoderFeature UNWIND labels(n) AS label RETURN label, count(*) AS nodes",
    "MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS relationships",
)


def clear(driver: Driver) -> None:
    """Delete everything; constraints and indexes stay."""
    with driver.session() as session:
        for statement in _DELETE:
            session.run(statement).consume()


def contents(atlas: Atlas) -> set[str]:
    """The names of the graphs, and how many nodes and relationships there are of each label and type."""
    return {str(row) for statement in _CONTENTS for row in atlas.cypher(statement).rows}
