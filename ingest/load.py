"""Writes a graph into Neo4j: complete and under its name, or not at all.

A small graph is written in one transaction. Any other is written under a name of its own (`name~id`) and takes the
user's name in the last transaction, together with every node of it. A graph that this replaces keeps its name until
then. What a killed ingest
left behind is recognised by its owner, which does not do it any more, and removed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from circuit_atlas.ingest import statements
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.delete import owner_of_this_process, remove_graph, remove_leftovers, under_way
from circuit_atlas.ingest.edge_writer import write_edges
from circuit_atlas.ingest.graph_rows import GraphRows, graph_rows
from circuit_atlas.ingest.names import check_name, check_tags
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.ingest.steps import extra_steps, is_small, node_steps, write_at_once
from circuit_atlas.schema.apply import ensure_schema
from neo4j.exceptions import ConstraintError, IncompleteCommit, ServiceUnavailable, SessionExpired

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphExistsError, IngestError
from circuit_atlas.graph.data import GraphData

_ATTEMPTS = 3


def load_graph(
    database: Database,
    data: GraphData,
    *,
    name: str | None = None,
    replace: bool = False,
    tags: Iterable[str] = (),
) -> IngestResult:
    """Store a graph; it becomes visible in the last transaction.

    Args:
        database: the database.
        data: the graph, as a reader made it.
        name: the graph's name in the database; the file's slug when None.
        replace: whether a graph of that name with other content is replaced.
        tags: names of collections that it belongs to; a graph that is replaced, or there already, keeps those it has.

    Raises:
        GraphExistsError: a graph of that name with other content is there, and `replace` is not set.
        IngestError: the database does not hold what was sent; nothing was published.
        InvalidArgumentError: the name cannot be used.
        SchemaVersionError: the store belongs to a newer circuit-atlas.
    """
    name = name or data.metadata.slug
    if data.metadata.collapsed_from is None:
        check_name(name)
    tags = check_tags(tags)
    ensure_schema(database)
    remove_leftovers(database)
    content = content_hash(data)
    for _ in range(_ATTEMPTS):
        there = _find(database, name, content, replace)
        if there == "same":
            if tags:
                database.write(statements.TAGS, graph=name, tags=tags)
            return ingest_result(name, data, "unchanged")
        rows = graph_rows(data, content, tags)
        try:
            if there == "none" and is_small(rows):
                write_at_once(database, name, rows, lambda stored: _check_counts(name, stored, data))
                return ingest_result(name, data, "ingested")
            return ingest_result(name, data, _write_apart(database, name, rows, data, replace))
        except (ConstraintError, IncompleteCommit):  # another process may have taken the name, or this one
            continue
    raise IngestError(f"several processes are ingesting {name!r} at the same time", fix="Ingest the file again.")


def _find(database: Database, name: str, content: str, replace: bool) -> str:
    """What has the name: `none`, the `same` content, or with `replace` an `other` one."""
    found = database.write(statements.FIND, graph=name)
    if not found:
        return "none"
    if found[0]["content_hash"] == content:
        return "same"
    if not replace:
        raise GraphExistsError(
            f"graph {name!r} already exists with different content",
            fix="Pass --replace to replace it, or --name to store this one under another name.",
        )
    return "other"


def _write_apart(database: Database, name: str, rows: GraphRows, data: GraphData, replace: bool) -> str:
    """Write under a name of its own, then take the user's."""
    with under_way(f"{name}~{secrets.token_hex(8)}") as staging:
        try:
            _write(database, staging, name, rows)
            _check_counts(name, database.write(statements.COUNTS, graph=staging)[0], data)
            return _publish(database, staging, name, rows.properties["content_hash"], replace)
        except (ServiceUnavailable, SessionExpired):
            raise  # nobody is there to remove it; the next ingest does
        except BaseException:
            remove_graph(database, staging)
            raise


def _write(database: Database, staging: str, name: str, rows: GraphRows) -> None:
    database.write(
        statements.BEGIN,
        graph=staging,
        target_name=name,
        owner=owner_of_this_process(),
        properties=rows.properties,
    )
    for statement, parameters in node_steps(staging, rows):
        database.write(statement, **parameters)
    write_edges(database, staging, rows.edges)
    for statement, parameters in extra_steps(staging, rows):
        database.write(statement, **parameters)


def _check_counts(name: str, stored: Mapping[str, int], data: GraphData) -> None:
    expected = {"nodes": len(data.nodes), "edges": len(data.edges)}
    if stored != expected:
        raise IngestError(
            f"the database holds {stored}, the graph has {expected}",
            where=name,
            fix="Nothing was published. Ingest the file again; report it if it happens twice.",
        )


def _publish(database: Database, staging: str, name: str, content: str, replace: bool) -> str:
    """Give the graph its name. Another process may publish the same name first: then look again."""
    old = None
    for _ in range(_ATTEMPTS):
        there = _find(database, name, content, replace)
        if there == "same":
            if database.write(statements.FIND, graph=staging):
                remove_graph(database, staging)
                return "unchanged"
            break  # it is ours, only the answer was lost
        old = f"{name}~{secrets.token_hex(8)}" if there == "other" else None
        try:
            _rename(database, staging, name, content, old)
            break
        except (ConstraintError, IncompleteCommit):
            continue
    else:
        raise IngestError(f"several processes are ingesting {name!r} at the same time", fix="Ingest the file again.")
    if old:
        with under_way(old):
            remove_graph(database, old)
    return "replaced" if old else "ingested"


def _rename(database: Database, staging: str, name: str, content: str, old: str | None) -> None:
    owner = owner_of_this_process()
    steps: list[tuple[str, dict[str, Any]]] = []
    if old:
        hide = {"graph": name, "name": old, "status": "deleting", "owner": owner, "given": staging}
        steps.append((statements.RENAME, hide))
    show = {"graph": staging, "name": name, "status": "ready", "owner": owner, "given": staging}
    steps.append((statements.RENAME, show))
    if old:
        steps.append((statements.KEEP_TAGS, {"graph": name, "old": old}))
    steps.append((statements.PUBLISHED, {"graph": name, "content": content}))
    database.write_together(steps, _check_published)


def _check_published(stored: list[dict[str, Any]]) -> None:
    if not stored[0]["published"]:
        raise IngestError(
            "the staged graph was deleted by another process that considered this ingest dead", fix="Ingest it again."
        )


def ingest_result(name: str, data: GraphData, status: str) -> IngestResult:
    """What became of a graph that was read."""
    return IngestResult(
        graph=name,
        status=status,
        nodes=len(data.nodes),
        edges=len(data.edges),
        zero_links=data.zero_links,
        warnings=data.metadata.warnings,
    )
