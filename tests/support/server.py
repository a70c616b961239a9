"""A local server for the time of a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from circuit_atlas.server import LocalServer

JAVA_OPTIONS = "JDK_JAVA_OPTIONS"


def started(store: Path, *, is_lasting: bool = False) -> Iterator[LocalServer]:
    """A server that runs until the fixture ends.

    Args:
        store: its store.
        is_lasting: whether so many tests use it that it pays to compile its code well, see tests/conftest.py.
    """
    server = LocalServer(store)
    with pytest.MonkeyPatch.context() as patched:
        if is_lasting:
            patched.delenv(JAVA_OPTIONS)
        server.start(quiet=True)
    yield server
    server.stop()
