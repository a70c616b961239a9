"""The statements of the most common questions, sent to a new server before anybody asks one.

A Java program is slow at first. Neo4j takes three to five seconds to plan the statements of the first question about
paths after it has started, and milliseconds for each plan later. `circuit-atlas server start` waits for that, so that
the question itself need not.
"""

from __future__ import annotations

import logging
from typing import Any

from circuit_atlas.config import Connection
from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError
from circuit_atlas.queries.ask import ask
from circuit_atlas.schema.apply import check_schema
from circuit_atlas.schema.limits import DEFAULT_HOPS

_LOG = logging.getLogger(__name__)
_NONE = ""  # no graph has this name, so nothing is found, and nothing is read
# What the default question about paths, paths from a token, neighbors of a node, a count, a picture and a comparison
# need. Neo4j keeps a plan for parameters of the same types: a list with something in it has another type than an empty
# one.
_FIRST: tuple[tuple[str, dict[str, Any]], ...] = (
    ("graphs.stats", {"graph": _NONE}),
    ("paths.tables", {"graph": _NONE}),
    ("paths.top_k", {"graph": _NONE, "targets": [_NONE]}),
    ("graphs.versions", {"graphs": [_NONE]}),
    ("graphs.versions", {"graphs": [_NONE], "tables": [_NONE]}),
    ("graphs.versions", {"graphs": [_NONE], "named": [[_NONE, _NONE]]}),
    ("graphs.versions", {"graphs": [_NONE], "tables": [_NONE], "named": [[_NONE, _NONE]]}),
    ("nodes.get", {"graph": _NONE, "key": _NONE}),
    ("nodes.columns", {"graph": _NONE}),
    ("graphs.columns", {"graphs": [_NONE]}),
    ("nodes.at", {"graph": _NONE, "ordinals": [0]}),
    ("neighbors.direct", {"graph": _NONE, "key": _NONE}),
    ("paths.count", {"graph": _NONE, "sources": [], "targets": [_NONE], "max_hops": DEFAULT_HOPS}),
    ("views.nodes", {"graph": _NONE, "keys": [_NONE], "k": 1}),
    ("compare.identities", {"a": _NONE, "b": _NONE}),
    ("compare.nodes", {"a": _NONE, "b": _NONE}),
    ("compare.nodes", {"a": _NONE, "b": _NONE, "keys": [_NONE]}),
)


def rehearse(connection: Connection) -> None:
    """Send a server the statements of the most common questions, about a graph that does not exist. If one fails, the
    server is as it was, and a question will say what is wrong."""
    try:
        with Database(connection) as database:
            check_schema(database)
            for query_id, parameters in _FIRST:
                ask(database, query_id, **parameters)
    except AtlasError as error:
        _LOG.info("no rehearsal of questions: %s", error)
