"""A local server for the time of a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from circuit_atlas.server import LocalServer
from circuit_atlas.server import store as store_module

JAVA_OPTIONS = "JDK_JAVA_OPTIONS"
# Neo4j plans a statement again when the size of the store has changed much. In tests it does all the time, and a fifth
# of what their servers do would be to make the same plans again.
_KEEP_PLANS = "dbms.cypher.min_replan_interval=1d\n"


def started(store: Path, *, is_lasting: bool = False) -> Iterator[LocalServer]:
    """A server that runs until the fixture ends.

    Args:
        store: its store.
        is_lasting: whether so many tests use it that it pays to keep its plans.
    """
    server = LocalServer(store)
    with pytest.MonkeyPatch.context() as patched:
        if is_lasting:
            patched.setattr(store_module, "_SETTINGS", store_module._SETTINGS + _KEEP_PLANS)
        server.start(quiet=True)
    yield server
    server.stop()
