"""Ingests a file into the store that the environment names, asks a question, and prints what it took as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from unittest.mock import patch

from benchmarks.worker import peak_memory
from circuit_atlas import Atlas
from circuit_atlas.server.importer import run_import
from circuit_atlas.store import bulk

IMPORTER: list[float] = []


def timed_import(*arguments: Any, **options: Any) -> dict[str, int]:
    """Neo4j's importer, a Java program of its own, timed from start to end."""
    started = time.perf_counter()
    found = run_import(*arguments, **options)
    IMPORTER.append(time.perf_counter() - started)
    return found


def main() -> None:
    """See the module."""
    file, in_bulk = sys.argv[1], "--bulk" in sys.argv
    with patch.object(bulk, "run_import", timed_import), Atlas() as atlas:
        if in_bulk:
            results = atlas.ingest_all([file], bulk=True, fail_fast=True)
            assert results.files[0].result is not None
            name = results.files[0].result.graph
        else:
            name = atlas.ingest(file).name
        atlas.graph(name).paths(k=1)
    print(json.dumps({"memory": peak_memory("self"), "importer": sum(IMPORTER) or None}))


if __name__ == "__main__":
    main()
