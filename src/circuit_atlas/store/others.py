"""Finds what other programs and people stored in a store beside circuit-atlas's data: what a new store would lose."""

from __future__ import annotations

from collections.abc import Iterable

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import IngestError
from circuit_atlas.printable import first_of
from circuit_atlas.schema.apply import schema_names
from circuit_atlas.schema.batches import pages
from circuit_atlas.schema.graph_lock import LOCK_PROPERTY
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.properties import EMPTY, LABELS, RELATIONSHIPS

# A :Node that no graph counts is not ours. One that is missing is for `verify` to find.
_NODES = """CYPHER 25
CALL () { MATCH (n) RETURN count(n) AS all_nodes }
CALL () { MATCH (g:Graph) RETURN sum(g.nodes) AS of_graphs }
UNWIND $labels AS label
CALL (label) { MATCH (n:$(label)) RETURN count(n) AS found }
WITH all_nodes, sum(CASE WHEN label = 'Node' AND found > of_graphs THEN of_graphs ELSE found END) AS ours
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
_PROPERTIES_OF_GRAPH = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop
CALL (n) {
  UNWIND keys(n) AS key
  RETURN 'Node' AS kind, key
UNION
  MATCH (n)<-[r:DIRECT_EFFECT]-()
  UNWIND keys(r) AS key
  RETURN 'DIRECT_EFFECT' AS kind, key
}
WITH DISTINCT kind, key
FILTER NOT key IN $known[kind]
RETURN kind + '.' + key AS name ORDER BY name
"""
_GRAPHS = """CYPHER 25
MATCH (g:Graph) RETURN g.name AS name, g.nodes AS nodes, g.edges AS edges ORDER BY name
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
_IN_GRAPHS = ("Node", "DIRECT_EFFECT")  # there are millions of them
_EDGES_PER_PAGE = 1_000_000
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
        raise _not_ours(f"the store has {nodes} nodes and {relationships} relationships", [])
    ours = schema_names()
    for what, found in {
        "nodes have labels": database.read(_OTHER_LABELS, labels=[*LABELS, *(kind.label for kind in Kind)]),
        "the store has properties": _other_properties(database),
        "the store has indexes": database.read(_OTHER_INDEXES, ours=ours),
        "the store has constraints": database.read(_OTHER_CONSTRAINTS, ours=ours),
    }.items():
        if found:
            raise _not_ours(what, [row["name"] for row in found])
    check_no_other_users(database)


def check_no_other_users(database: Database) -> None:
    """Check that the server has only its own user.

    Raises:
        IngestError: it has others.
    """
    if found := database.read(_OTHER_USERS):
        raise _not_ours("the store has users", [row["name"] for row in found])


def _not_ours(what: str, names: list[str]) -> IngestError:
    shown = f": {first_of(names, _SHOWN)}" if names else ""
    return IngestError(
        f"{what} that are not circuit-atlas's{shown}",
        fix="Rebuilding the store would lose them. Ingest without --bulk, or into another store (--store).",
    )


def _other_properties(database: Database) -> Rows:
    """Properties that are not declared for their label or type.

    Nodes of graphs and direct effects are looked at, graph by graph, only if the store knows a name of a property that
    nothing of ours has. Neo4j keeps such names after the last property of a name was removed.
    """
    labels = {label: [*declared.properties] for label, declared in LABELS.items()}
    types = {name: [*declared.properties] for name, declared in RELATIONSHIPS.items()}
    found = [
        *database.read(_PROPERTIES_OF_NODES, labels=_few(labels), known=labels),
        *database.read(_PROPERTIES_OF_RELATIONSHIPS, types=_few(types), known=types),
    ]
    ours = {key for keys in (*labels.values(), *types.values()) for key in keys} | {EMPTY, LOCK_PROPERTY}
    if database.read(_OTHER_KEYS, known=sorted(ours)):
        for graph in database.read(_GRAPHS):
            for first, stop in pages(graph["nodes"], graph["edges"], _EDGES_PER_PAGE):
                page = {"graph": graph["name"], "first": first, "stop": stop, "known": labels | types}
                found += [row for row in database.read(_PROPERTIES_OF_GRAPH, **page) if row not in found]
    return found


def _few(kinds: Iterable[str]) -> list[str]:
    return [kind for kind in kinds if kind not in _IN_GRAPHS]
