"""The statements of the first questions, sent to a new server before anybody asks them.

A Java program is slow at first. Neo4j takes three to five seconds to plan the statements of the first question about
paths after it has started, and milliseconds for each plan later. `circuit-atlas server start` waits for them, so that
the question itself need not.
"""

from __future__ import annotations

import logging
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError
from circuit_atlas.queries.ask import ask
from circuit_atlas.schema.apply import check_schema

_LOG = logging.getLogger(__name__)
_NONE = ""  # no graph has this name, so nothing is found, and nothing is read
# What the default question about paths, one from a chosen token, and one about neighbors send. Neo4j keeps a plan for
# parameters of the same types: a list with something in it has another type than an empty one.
_FIRST: tuple[tuple[str, dict[str, Any]], ...] = (
    ("graphs.stats", {"graph": _NONE}),
    ("paths.tables", {"graph": _NONE}),
    ("paths.top_k", {"graph": _NONE, "targets": [_NONE]}),
    ("nodes.namesakes", {"named": [[_NONE, _NONE]]}),
    ("graphs.versions", {"versions": {_NONE: _NONE}}),
    ("nodes.get", {"graph": _NONE, "key": _NONE}),
    ("nodes.columns", {"graph": _NONE}),
    ("graphs.columns", {"graphs": [_NONE]}),
    ("nodes.at", {"graph": _NONE, "ordinals": [0]}),
    ("neighbors.direct", {"graph": _NONE, "key": _NONE}),
)


def rehearse(database: Database) -> None:
    """Send the statements of the first questions, about a graph that does not exist. Where one fails, the server is as
    it was, and the question itself will say what is wrong."""
    try:
        check_schema(database)
        for query_id, parameters in _FIRST:
            ask(database, query_id, **parameters)
    except AtlasError as error:
        _LOG.info("no rehearsal of questions: %s", error)
