"""Writes a graph into Neo4j: complete and under its name, or not at all.

A small graph is written in one transaction. Any other is written under a hidden name (`name~id`); the last transaction
gives it, and all of its nodes, the user's name. A graph that it replaces keeps the name until then. What a killed
ingest leaves behind is recognised by its owner, a process that has ended, and deleted by the next ingest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from neo4j.exceptions import ConstraintError, IncompleteCommit, Neo4jError, ServiceUnavailable, SessionExpired

from circuit_atlas.database import Database, Rows, Step
from circuit_atlas.errors import GraphChangedError, IngestError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.delete import remove_graph, remove_leftovers
from circuit_atlas.ingest.edge_writer import write_edges
from circuit_atlas.ingest.graph_rows import GraphRows, graph_rows
from circuit_atlas.ingest.names import check_name, check_tags, existing_name, hidden_name
from circuit_atlas.ingest.owner import in_use, owner_of_this_process
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.ingest.rows import Row
from circuit_atlas.ingest.steps import column_steps, extra_steps, is_small, node_steps, write_at_once
from circuit_atlas.schema.apply import ensure_schema
from circuit_atlas.schema.graph_lock import LOCK

_ATTEMPTS = 3


def load_graph(
    database: Database,
    data: GraphData,
    *,
    name: str | None = None,
    replace: bool = False,
    over: str | None = None,
    tags: Iterable[str] = (),
) -> IngestResult:
    """Store a graph; it becomes visible in the last transaction.

    Args:
        database: the database.
        data: the graph, as a reader made it.
        name: the graph's name in the database; the file's slug when None.
        replace: whether to replace a graph of that name with different content.
        over: with `replace`, the only version of the graph that may be replaced; any when None.
        tags: names of collections that it belongs to, beside those that a graph of that name already belongs to.

    Raises:
        GraphExistsError: a graph of that name with different content already exists, and `replace` is not set.
        GraphChangedError: the graph is not the version `over` any more, or was deleted.
        IngestError: the stored graph is incomplete, or other processes interfered; nothing was published.
        InvalidArgumentError: the name or a tag cannot be used.
        SchemaVersionError: the store was made by a newer circuit-atlas.
    """
    name = data.metadata.slug if name is None else name
    if data.metadata.collapsed_from is None:
        check_name(name)
    tags = check_tags(tags)
    ensure_schema(database)
    remove_leftovers(database)
    content, may_be_ours = content_hash(data), False
    for _ in range(_ATTEMPTS):
        existing = _find(database, name, content, replace, over)
        if existing == "same":
            add_tags(database, name, tags)
            status = "ingested" if may_be_ours else "unchanged"
            return ingest_result(name, data, status, _same(database, name, content))
        rows = graph_rows(data, content, tags)
        try:
            if existing == "none" and is_small(rows) and data.metadata.collapsed_from is None:
                write_at_once(database, name, rows, lambda stored: _check_counts(name, stored, data))
                return ingest_result(name, data, "ingested", _same(database, name, content))
            status = _write_apart(database, name, rows, data, replace, over)
            if status == "unchanged":  # another process published the same content meanwhile, without these tags
                add_tags(database, name, tags)
            return ingest_result(name, data, status, _same(database, name, content))
        except ConstraintError:  # another process took the name
            continue
        except IncompleteCommit:  # the answer to a commit was lost
            may_be_ours = existing == "none"
    raise _contended(name)


def add_tags(database: Database, graph: str, tags: Iterable[str]) -> None:
    """Add tags that `check_tags` has accepted to a stored graph. A graph that is being replaced, whose tags were copied
    already, gets none: the lock sees to that."""
    if tags:
        database.write(LOCK, statements.TAGS, graph=graph, tags=list(tags))


def _find(database: Database, name: str, content: str, replace: bool, over: str | None) -> str:
    """Whether a graph of that name exists: `none`, one with the `same` content, or `other` content to be replaced."""
    found = database.write(statements.FIND, graph=name)
    if found and found[0]["content_hash"] == content:
        return "same"
    if over is not None and (not found or found[0]["version"] != over):
        raise GraphChangedError(
            f"graph {name!r} was replaced or deleted since it was read",
            fix="Nothing was written over it. If it still exists, run the command again.",
        )
    if not found:
        return "none"
    if not replace:
        raise existing_name(name)
    return "other"


def _write_apart(
    database: Database, name: str, rows: GraphRows, data: GraphData, replace: bool, over: str | None
) -> str:
    """Write under a hidden name, then give the graph the user's name."""
    with in_use(database, hidden_name(name)) as staging:
        try:
            _write(database, staging, name, rows)
            _check_counts(name, database.write(statements.COUNTS, graph=staging)[0], data)
            return _publish(database, staging, name, rows.properties, replace, over)
        except (ServiceUnavailable, SessionExpired):
            raise  # the database cannot be reached; the next ingest removes what was written
        except (Neo4jError, IngestError) as error:  # Neo4jError: a statement met a node that was just deleted
            is_there = database.write(statements.FIND, graph=staging)
            remove_graph(database, staging)
            if is_there:
                raise
            raise IngestError(
                "what was written was deleted by another process, or the database was restored or emptied",
                where=name,
                fix="Ingest the file again.",
            ) from error
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
    database.write_each(node_steps(staging, rows))
    write_edges(database, staging, rows.edges, rows.edge_statistics)
    database.write_each(column_steps(staging, rows))
    database.write_each(extra_steps(staging, rows))


def _check_counts(name: str, stored: Mapping[str, int], data: GraphData) -> None:
    expected = {"nodes": len(data.nodes), "edges": len(data.edges)}
    if stored != expected:
        raise IngestError(
            f"the database has {stored}, the graph has {expected}",
            where=name,
            fix="Nothing was published. Ingest the file again, and report it if it happens twice.",
        )


def _publish(database: Database, staging: str, name: str, properties: Row, replace: bool, over: str | None) -> str:
    """Give the graph its name. If another process publishes that name at the same time, look again at what it has."""
    old = None
    for _ in range(_ATTEMPTS):
        existing = _find(database, name, properties["content_hash"], replace, over)
        if existing == "same":
            if database.write(statements.FIND, graph=staging):
                remove_graph(database, staging)
                return "unchanged"
            break  # this graph was published, only the answer to the commit was lost
        old = hidden_name(name) if existing == "other" else None
        try:
            _rename(database, staging, name, properties, old, over)
            break
        except (ConstraintError, IncompleteCommit):
            continue
    else:
        raise _contended(name)
    if old:
        with in_use(database, old):
            remove_graph(database, old)
    return "replaced" if old else "ingested"


def _contended(name: str) -> IngestError:
    return IngestError(f"several processes are ingesting {name!r} at the same time", fix="Ingest the file again.")


def _rename(database: Database, staging: str, name: str, properties: Row, old: str | None, over: str | None) -> None:
    owner = owner_of_this_process()
    steps: list[Step] = []
    if properties.get("collapsed_from"):  # it must not outlive the graph that it shows
        steps.append((LOCK, {"graph": properties["collapsed_from"]}))
    if old:
        hide = {"graph": name, "name": old, "status": "deleting", "owner": owner, "given": staging, "version": over}
        steps.append((statements.RENAME, hide))
    show = {"graph": staging, "name": name, "status": "ready", "owner": owner, "given": staging, "version": None}
    steps.append((statements.RENAME, show))
    if old:
        steps.append((statements.COPY_TAGS, {"graph": name, "old": old}))
    steps.append((statements.PUBLISHED, {"graph": name, "content": properties["content_hash"]}))
    database.write_together(steps, _check_published)


def _check_published(stored: Rows) -> None:
    if not stored[0]["published"]:
        raise IngestError(
            "the staged graph, or the one that it was collapsed from, was deleted by another process",
            fix="Ingest the file again.",
        )


def _same(database: Database, name: str, content: str) -> list[str]:
    """Names of other graphs with the same content."""
    return [row["graph"] for row in database.write(statements.SAME_CONTENT, graph=name, content=content)]


def ingest_result(name: str, data: GraphData, status: str, same: Iterable[str] = ()) -> IngestResult:
    """The result of ingesting a graph; `same` are names of other graphs with its content."""
    twice = [f"the same content is stored as {other!r}; questions across prompts count it twice" for other in same]
    return IngestResult(
        graph=name,
        status=status,
        nodes=len(data.nodes),
        edges=len(data.edges),
        zero_links=data.zero_links,
        warnings=[*data.metadata.warnings, *twice],
    )
