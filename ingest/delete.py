"""Deletes a graph: it is hidden at once, and then deleted in batches that fit into a transaction."""

from __future__ import annotations

import logging

from neo4j.exceptions import ClientError

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.names import hidden_name, shown_name
from circuit_atlas.ingest.owner import in_use, is_interrupted, owner_of_this_process

_LOG = logging.getLogger(__name__)
_EDGES_PER_TRANSACTION = 50_000
_NODES_PER_TRANSACTION = 2_000


def delete_graph(database: Database, name: str) -> None:
    """Delete the graph `name`. The first transaction makes it invisible. If it is interrupted, call it again: it
    deletes the rest.

    Raises:
        GraphNotFoundError: there is neither a graph of that name nor the rest of one.
    """
    removed = remove_leftovers(database)
    if not database.write(statements.FIND, graph=name):
        if name in removed:
            return
        raise GraphNotFoundError(f"no graph is named {name!r}", fix="`circuit-atlas graphs` lists all graphs.")
    owner = owner_of_this_process()
    with in_use(database, hidden_name(name)) as hidden:
        which = {"graph": name, "name": hidden, "given": name, "version": None}
        database.write(statements.RENAME, **which, status="deleting", owner=owner)
        remove_graph(database, hidden)


def remove_graph(database: Database, graph: str) -> None:
    """Delete everything under a hidden name; if there is nothing, do nothing. A graph that is just being
    published is left alone: the lock waits until that is done."""
    database.write(statements.CONDEMN, graph=graph, owner=owner_of_this_process())
    while database.write(statements.DELETE_EDGES, graph=graph, batch=_EDGES_PER_TRANSACTION)[0]["deleted"]:
        pass
    while database.write(statements.DELETE_NODES, graph=graph, batch=_NODES_PER_TRANSACTION)[0]["deleted"]:
        pass
    database.write(statements.DELETE_REST, graph=graph)


def remove_leftovers(database: Database) -> list[str]:
    """Delete what interrupted ingests and deletions left behind, and return the names of their graphs.

    An ingest or deletion counts as interrupted if its process is one of those that this process can see, and has ended
    or does not use the name any more; or if it ran elsewhere and its heartbeat has stopped for two minutes.
    """
    removed = []
    for row in database.write(statements.LEFTOVERS):
        if is_interrupted(row["graph"], row["owner"], row["silent_ms"]):
            _LOG.info("deleting %r, left behind by an interrupted ingest or deletion", row["graph"])
            try:
                with in_use(database, row["graph"]):
                    remove_graph(database, row["graph"])
            except ClientError as error:  # what cannot be removed must not be in the way of other graphs
                _LOG.warning("%r cannot be deleted: %s", row["graph"], error.message)
                continue
            removed.append(shown_name(row["graph"]))
    return removed
