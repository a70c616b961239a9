"""Finds what other programs and people stored in a store beside circuit-atlas's data: what a new store would lose."""

from __future__ import annotations

from collections.abc import Iterable

from circuit_atlas.database import Database
from circuit_atlas.errors import IngestError
from circuit_atlas.printable import first_of
from circuit_atlas.schema.apply import schema_names
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.properties import EMPTY, LABELS, RELATIONSHIPS

_NODES = """CYPHER 25
CALL () { MATCH (n) RETURN count(n) AS all_nodes }
UNWIND $labels AS label
CALL (label) { MATCH (n:$(label)) RETURN count(n) AS ours }
WITH all_nodes, sum(ours) AS ours
RETURN all_nodes - ours AS others
"""
_RELATIONSHIPS = """CYPHER 25
CALL () { MATCH ()-[r]->() RETURN count(r) AS all_relationships }
UNWIND $types AS type
CALL (type) { MATCH ()-[r:$(type)]->() RETURN count(r) AS ours }
WITH all_relationships, sum(ours) AS ours
RETURN all_relationships - ours AS others
"""
_OTHER_LABELS = """CYPHER 25
CALL db.labels() YIELD label
FILTER NOT label IN $labels
CALL (label) { MATCH (n:$(label)) RETURN count(n) AS found }
FILTER found > 0
RETURN label AS name ORDER BY name
"""
_OTHER_KEYS = """CYPHER 25
CALL db.propertyKeys() YIELD propertyKey
FILTER NOT propertyKey IN $known
RETURN propertyKey AS name
"""
_PROPERTIES_OF_NODES = """CYPHER 25
UNWIND $labels AS label
MATCH (n:$(label))
UNWIND keys(n) AS key
WITH DISTINCT label, key
FILTER NOT key IN $known[label]
RETURN label + '.' + key AS name ORDER BY name
"""
_PROPERTIES_OF_RELATIONSHIPS = """CYPHER 25
UNWIND $types AS type
MATCH ()-[r:$(type)]->()
UNWIND keys(r) AS key
WITH DISTINCT type, key
FILTER NOT key IN $known[type]
RETURN type + '.' + key AS name ORDER BY name
"""
# Neo4j makes lookup indexes itself, and the index of each constraint.
_OTHER_INDEXES = """CYPHER 25
SHOW INDEXES YIELD name, type, owningConstraint
WHERE type <> 'LOOKUP' AND owningConstraint IS NULL AND NOT name IN $ours
RETURN name ORDER BY name
"""
_OTHER_CONSTRAINTS = """CYPHER 25
SHOW CONSTRAINTS YIELD name
WHERE NOT name IN $ours
RETURN name ORDER BY name
"""
# Neo4j itself makes the user that circuit-atlas is, `neo4j`.
_OTHER_USERS = """CYPHER 25
SHOW USERS YIELD user
WHERE user <> 'neo4j'
RETURN user AS name ORDER BY name
"""
_LARGE = ("Node", "DIRECT_EFFECT")  # there are millions of them
_SHOWN = 3  # names in a text


def check_no_others(database: Database) -> None:
    """Check that a store has nothing but circuit-atlas's data, because a new store is made of these alone.

    Args:
        database: the database of a local server.

    Raises:
        IngestError: it has nodes, relationships, labels, properties, indexes, constraints or users of others.
    """
    nodes = database.read(_NODES, labels=[*LABELS])[0]["others"]
    relationships = database.read(_RELATIONSHIPS, types=[*RELATIONSHIPS])[0]["others"]
    if nodes or relationships:
        raise _not_ours(f"{nodes} nodes and {relationships} relationships")
    ours = schema_names()
    for what, found in {
        "labels": database.read(_OTHER_LABELS, labels=[*LABELS, *(kind.label for kind in Kind)]),
        "properties": _other_properties(database),
        "indexes": database.read(_OTHER_INDEXES, ours=ours),
        "constraints": database.read(_OTHER_CONSTRAINTS, ours=ours),
        "users": database.read(_OTHER_USERS),
    }.items():
        if found:
            raise _not_ours(f"{what} ({first_of([row['name'] for row in found], _SHOWN)})")


def _not_ours(what: str) -> IngestError:
    return IngestError(
        f"the store has {what} that are not circuit-atlas's",
        fix="Rebuilding the store would lose them. Ingest without --bulk, or into another store (--store).",
    )


def _other_properties(database: Database) -> list[dict[str, str]]:
    """Properties that are not declared for their label or type. Nodes of graphs and direct effects are looked at only
    if the store has any name of a property that nothing has which is ours."""
    labels = {label: [*declared.properties] for label, declared in LABELS.items()}
    types = {name: [*declared.properties] for name, declared in RELATIONSHIPS.items()}
    known = sorted({key for keys in (*labels.values(), *types.values()) for key in keys} | {EMPTY})
    all_of_them = bool(database.read(_OTHER_KEYS, known=known))
    return [
        *database.read(_PROPERTIES_OF_NODES, labels=_looked_at(labels, all_of_them), known=labels),
        *database.read(_PROPERTIES_OF_RELATIONSHIPS, types=_looked_at(types, all_of_them), known=types),
    ]


def _looked_at(kinds: Iterable[str], all_of_them: bool) -> list[str]:
    return [kind for kind in kinds if all_of_them or kind not in _LARGE]
