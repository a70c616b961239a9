"""A local server for the time of a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from circuit_atlas.server import LocalServer


def started(store: Path) -> Iterator[LocalServer]:
    """A server that runs until the fixture ends."""
    server = LocalServer(store)
    server.start(quiet=True)
    yield server
    server.stop()
