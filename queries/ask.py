"""Asks a query of the catalogue."""

from __future__ import annotations

from typing import Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.queries.edge_value import EdgeValue


def ask(
    database: Database,
    query_id: str,
    *,
    edge_value: EdgeValue | None = None,
    **parameters: Any,
) -> Rows:
    """Rows of a query of the catalogue.

    Args:
        database: the database.
        query_id: for instance `paths.top_k`.
        edge_value: what to score instead of the weight of an edge.
        parameters: of the query; those that are left out have their defaults.

    Raises:
        QueryNotFoundError: no query has that id.
        InvalidArgumentError: a parameter is missing, unknown or of the wrong type.
        QueryTimeoutError: the server stopped it at the time limit.
    """
    query = find_query(query_id)
    return database.run(query.cypher(edge_value), query.complete(parameters)).rows
