"""Writes a graph into Neo4j: complete and under its name, or not at all.

A graph is written under a name of its own (`name~id`) and takes the user's name in the last transaction,
together with every node of it. A graph that this replaces keeps its name until then. What a killed ingest
left behind is recognised by its owner, a process that is gone, and removed.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from circuit_atlas.arrays.bounds import topological_order
from circuit_atlas.arrays.graph_data import KINDS, GraphData
from circuit_atlas.arrays.influence import Flow, measure_flow
from circuit_atlas.errors import GraphExistsError, IngestError, QuestionError
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.delete import owner_of_this_process, remove_graph, remove_leftovers
from circuit_atlas.ingest.edge_writer import write_edges
from circuit_atlas.ingest.path_tables import batches, write_path_tables
from circuit_atlas.ingest.rows import graph_properties, node_rows, supernode_rows, transcoder_feature_rows
from circuit_atlas.ingest.writer import Writer
from circuit_atlas.schema.answer import IngestResult
from circuit_atlas.schema.apply import ensure_schema
from circuit_atlas.schema.keys import Kind
from neo4j import Driver
from neo4j.exceptions import ConstraintError, IncompleteCommit

_ATTEMPTS = 3
_GRAPH_NAME = re.compile(r"[^\x00-\x1f~]{1,200}")


def load_graph(
    driver: Driver,
    database: str | None,
    data: GraphData,
    *,
    name: str | None = None,
    replace: bool = False,
    progress: bool = False,
) -> IngestResult:
    """Store a graph; it becomes visible in the last transaction.

    Args:
        driver: an open driver.
        database: its database, None for the default one.
        data: the graph, as a reader made it.
        name: the graph's name in the database; the file's slug when None.
        replace: whether a graph of that name with other content is replaced.
        progress: whether to draw a bar on standard error.

    Raises:
        GraphExistsError: a graph of that name with other content is there, and `replace` is not set.
        IngestError: the database does not hold what was sent; nothing was published.
        QuestionError: the name cannot be used.
        SchemaVersionError: the store belongs to a newer circuit-atlas.
    """
    name = check_name(name or data.metadata.slug)
    ensure_schema(driver, database)
    writer = Writer(driver, database)
    remove_leftovers(writer)
    content = content_hash(data)
    if _is_present(writer, name, content, replace):
        return _result(name, data, "unchanged")
    staging = f"{name}~{secrets.token_hex(8)}"
    try:
        _write(writer, staging, name, data, content, progress)
        _check_counts(writer, staging, data)
        status = _publish(writer, staging, name, content, replace)
    except BaseException:
        remove_graph(writer, staging)
        raise
    return _result(name, data, status)


def check_name(name: str) -> str:
    """The name of a graph, when it can be one.

    Raises:
        QuestionError: it is empty, longer than 200 characters, or holds control characters or `~`.
    """
    if not _GRAPH_NAME.fullmatch(name):
        raise QuestionError(
            f"{name!r:.80} cannot be a graph's name",
            fix="A name has 1 to 200 characters, without control characters and '~'. Give one with --name.",
        )
    return name


def _is_present(writer: Writer, name: str, content: str, replace: bool) -> bool:
    found = writer.run(statements.FIND, graph=name)
    if not found:
        return False
    if found[0]["content_hash"] == content:
        return True
    if not replace:
        raise GraphExistsError(
            f"a graph named {name!r} with other content is there",
            fix="Replace it with --replace, or give this one another name with --name.",
        )
    return False


def _write(writer: Writer, staging: str, name: str, data: GraphData, content: str, progress: bool) -> None:
    order = topological_order(data.edges, data.nodes.depth)
    flow = measure_flow(data, order)
    writer.run(
        statements.BEGIN,
        graph=staging,
        target_name=name,
        owner=owner_of_this_process(),
        properties=graph_properties(data, flow, order is not None, content),
    )
    _write_nodes(writer, staging, data, flow)
    is_token = data.nodes.kind == KINDS.index(Kind.TOKEN)
    write_path_tables(writer, staging, data.edges, is_token=is_token, order=order, input_sum=flow.input_sum)
    write_edges(writer, staging, data.edges, progress=progress)
    for batch in batches(extra._asdict() for extra in data.edge_extras):
        writer.run(statements.EDGE_EXTRAS, graph=staging, rows=batch)


def _write_nodes(writer: Writer, staging: str, data: GraphData, flow: Flow) -> None:
    nodes = ({"label": kind.label, "properties": row} for kind, row in node_rows(data, flow))
    for batch in batches(nodes):
        writer.run(statements.NODES, graph=staging, rows=batch)
    for batch in batches(transcoder_feature_rows(data)):
        writer.run(
            statements.TRANSCODER_FEATURES,
            graph=staging,
            rows=batch,
            model=data.metadata.model,
            source_set=data.metadata.source_set,
        )
    if data.supernodes:
        writer.run(statements.SUPERNODES, graph=staging, rows=supernode_rows(data))


def _check_counts(writer: Writer, staging: str, data: GraphData) -> None:
    stored = writer.run(statements.COUNTS, graph=staging)[0]
    expected = {"nodes": len(data.nodes), "edges": len(data.edges)}
    if stored != expected:
        raise IngestError(
            f"the database holds {stored}, the graph has {expected}",
            where=staging.partition("~")[0],
            fix="Nothing was published. Ingest the file again; report it if it happens twice.",
        )


def _publish(writer: Writer, staging: str, name: str, content: str, replace: bool) -> str:
    """Give the graph its name. Another process may publish the same name first: then look again."""
    for _ in range(_ATTEMPTS):
        if _is_present(writer, name, content, replace):
            remove_graph(writer, staging)
            return "unchanged"
        try:
            return _rename(writer, staging, name)
        except (ConstraintError, IncompleteCommit):
            continue
    raise IngestError(f"the name {name!r} is fought over by several ingests", fix="Ingest the file again.")


def _rename(writer: Writer, staging: str, name: str) -> str:
    owner = owner_of_this_process()
    steps: list[tuple[str, dict[str, Any]]] = []
    old = f"{name}~{secrets.token_hex(8)}" if writer.run(statements.FIND, graph=name) else None
    if old:
        steps.append((statements.RENAME, {"graph": name, "name": old, "status": "deleting", "owner": owner}))
    steps.append((statements.RENAME, {"graph": staging, "name": name, "status": "ready", "owner": owner}))
    steps.append((statements.PUBLISHED, {"graph": name}))
    writer.run_together(steps)
    if old:
        remove_graph(writer, old)
    return "replaced" if old else "ingested"


def _result(name: str, data: GraphData, status: str) -> IngestResult:
    return IngestResult(
        graph=name,
        status=status,
        nodes=len(data.nodes),
        edges=len(data.edges),
        zero_links=data.zero_links,
        warnings=data.metadata.warnings,
    )
