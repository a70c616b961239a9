"""The graphs that an aggregate is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_graphs


def is_aggregate(stored: Mapping[str, Any]) -> bool:
    """Whether a graph with these properties is an aggregate."""
    return stored.get("aggregated_state") is not None


def aggregated_sources(database: Database, names: Sequence[str], tags: Sequence[str]) -> Rows:
    """Rows of aggregates.sources, by name: the graphs of names and tags that exist."""
    rows = ask(database, "aggregates.sources", graphs=list(names), tags=list(tags))
    return check_graphs([row for row in rows if row["graph"]["name"]])  # without one that was deleted just now


def aggregated_state(contents: Iterable[Sequence[str]]) -> str:
    """A hash of the names and contents of the graphs that an aggregate is made of."""
    return hashlib.sha256(json.dumps(sorted(map(tuple, contents))).encode()).hexdigest()


def read_sums(database: Database, name: str) -> bytes | None:
    """The sums that an aggregate was made from; None if they were not kept, or somebody changed their type."""
    blocks = [row["data"] for row in ask(database, "aggregates.sums", graph=name)]
    return b"".join(blocks) if blocks and all(isinstance(block, bytes) for block in blocks) else None
