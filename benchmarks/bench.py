"""How long things take: make bench. Prints a table and writes bench-results/bench.json.

Everything runs on a local server of its own, warm, client time included: the median of the repetitions,
with the fastest and the slowest.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.examples import example_graph
from circuit_atlas.server import LocalServer
from tabulate import tabulate

OUT = Path(__file__).parent.parent / "bench-results"
REPETITIONS = 20
WARM_UP = 5


def main() -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory() as folder:
        server = LocalServer(Path(folder) / "store")
        with Atlas(server.start()) as atlas:
            rows = [*ingest(atlas), *questions(atlas.graph("dallas")), *commands(server)]
        server.stop()
    OUT.mkdir(exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(tabulate([row.values() for row in rows], ["Dallas", "median ms", "min ms", "max ms"], floatfmt=".1f"))


def ingest(atlas: Atlas) -> list[dict[str, Any]]:
    """The first ingest into an empty database, and later ones."""
    path = example_graph("dallas")
    first = timed("ingest, the first", lambda: atlas.ingest(path, name="dallas"), repetitions=1, warm_up=0)

    def again() -> None:
        atlas.ingest(path, name="again")
        atlas.delete("again")

    return [first, timed("ingest and delete, later", again, repetitions=5, warm_up=1)]


def questions(graph: GraphHandle) -> list[dict[str, Any]]:
    """Every question of the Python API."""
    path = ["token:9", "feature:20/44686@10", "logit:22605@10"]
    asked: dict[str, Callable[[], object]] = {
        "stats": graph.stats,
        "node": lambda: graph.node("logit:Austin"),
        "neighbors": lambda: graph.neighbors("logit:Austin"),
        "subgraph, 3 hops": lambda: graph.subgraph("logit:Austin", hops=3, direction="in"),
        "score": lambda: graph.score(path),
        "count, 4 hops": lambda: graph.count(max_hops=4),
        "count, 12 hops": lambda: graph.count(max_hops=12),
    }
    for hops in (2, 3, 4, 6, 12):
        asked[f"10 best paths, {hops} hops"] = lambda hops=hops: graph.paths(max_hops=hops)  # type: ignore[misc]
    asked["1,000 best paths, 4 hops"] = lambda: graph.paths(k=1000)
    asked["10 best paths from one token, 4 hops"] = lambda: graph.paths(sources=["Dallas"])
    return [timed(name, ask) for name, ask in asked.items()]


def commands(server: LocalServer) -> list[dict[str, Any]]:
    """Whole processes of the command line."""
    program = str(Path(sys.executable).with_name("circuit-atlas"))
    env = {**os.environ, "CIRCUIT_ATLAS_STORE": str(server.store.path)}
    asked = {"circuit-atlas --help": ["--help"], "circuit-atlas stats dallas": ["stats", "dallas"]}
    return [
        timed(name, lambda words=words: subprocess.run([program, *words], env=env, check=True, capture_output=True))  # type: ignore[misc]
        for name, words in asked.items()
    ]


def timed(
    name: str, ask: Callable[[], object], *, repetitions: int = REPETITIONS, warm_up: int = WARM_UP
) -> dict[str, Any]:
    """Milliseconds that `ask` takes: median, fastest, slowest."""
    for _ in range(warm_up):
        ask()
    taken = []
    for _ in range(repetitions):
        started = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - started) * 1000)
    return {"name": name, "median_ms": statistics.median(taken), "min_ms": min(taken), "max_ms": max(taken)}


if __name__ == "__main__":
    main()
