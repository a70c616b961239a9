"""What test_faults.py kills, in a module that another process can import."""

from __future__ import annotations

import contextlib

from circuit_atlas import Atlas
from circuit_atlas.errors import GraphNotFoundError


def ingest(store: str, file: str, replace: bool) -> None:
    """Write a graph in several transactions."""
    with Atlas(store=store) as atlas:
        atlas.ingest(file, name="g", replace=replace)


def delete(store: str) -> None:
    """Delete it."""
    with Atlas(store=store) as atlas, contextlib.suppress(GraphNotFoundError):  # a late kill leaves nothing
        atlas.delete("g")
