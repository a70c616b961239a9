"""How fast graphs get in, and in how much memory: the second part of make bench.

From a file (JSON for the real graph, else circuit-tracer's `.pt`) to the first answered question, program start
included, of a server that holds a small graph: online into our own, online into one with Neo4j's default settings (and
as much memory), and in bulk. Beside it, from arrays in memory: DuckDB, ladybug, and one `MERGE` for each edge, the
first thing that one would write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.cases import SIZES, case_of, graph_of
from benchmarks.worker import LIMIT, Worker, peak_memory
from circuit_atlas import Atlas
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.examples import example_graph
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import GraphData
from circuit_atlas.server import LocalServer, store

Record = dict[str, Any]
_OURS = ("db.relationship_grouping_threshold", "db.tx_log", "internal.")
_MERGE = """CYPHER 25
MERGE (source:N {id: $source}) MERGE (target:N {id: $target}) MERGE (source)-[r:E]->(target) SET r.weight = $weight
"""


def measure(size: str, folder: Path) -> Iterator[Record]:
    """All ways in, for the graph of a size."""
    data = graph_of(size)
    edges, file = len(data.edges), example_graph("dallas")
    if size != SIZES[0]:
        file = folder / "graph.pt"
        write_pt(data, file)
    for way, bulk, settings in (
        ("circuit-atlas", False, store._SETTINGS),
        ("circuit-atlas, default settings", False, _default_settings()),
        ("circuit-atlas --bulk", True, store._SETTINGS),
    ):
        yield {"graph": size, "edges": edges, "way": way, **_atlas(file, folder / way, bulk, settings)}
    case_of(data).save(folder / "case.npz")
    for peer in ("DuckDB", "ladybug"):
        yield {"graph": size, "edges": edges, "way": peer, **_peer(peer, folder / "case.npz")}
    yield {"graph": size, "edges": edges, "way": "MERGE for each edge", **_merge(data, folder / "merge")}


def _default_settings() -> str:
    """Ours without those that make Neo4j faster."""
    return "".join(line for line in store._SETTINGS.splitlines(keepends=True) if not line.startswith(_OURS))


def _atlas(file: Path, home: Path, bulk: bool, settings: str) -> Record:
    """Seconds of `circuit-atlas ingest` and a first question; the largest memory of that program."""
    ours, store._SETTINGS = store._SETTINGS, settings
    server = LocalServer(home)
    try:
        with Atlas(server.start(quiet=True)) as atlas:
            atlas.ingest(example_graph("night")).paths(k=1)  # what a server does once
        environment = {**os.environ, STORE_VARIABLE: str(home)}
        command = [sys.executable, "-m", "benchmarks.ingest_once", str(file), *(["--bulk"] if bulk else [])]
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
    finally:
        server.stop()
        store._SETTINGS = ours
    return {"seconds": seconds, **json.loads(done.stdout.splitlines()[-1])}


def _peer(name: str, case: Path) -> Record:
    worker = Worker(name, case)
    record: Record = {"seconds": worker.loaded.median, "failed": worker.loaded.failed}
    if worker.alive:
        record["memory"] = peak_memory(worker.pid)
    worker.close()
    return record


def _merge(data: GraphData, home: Path) -> Record:
    """Edges written one by one until the limit."""
    server = LocalServer(home)
    written = 0
    try:
        with Atlas(server.start(quiet=True)) as atlas, atlas.driver.session() as session:
            session.run("CREATE CONSTRAINT FOR (n:N) REQUIRE n.id IS UNIQUE").consume()
            started = time.perf_counter()
            for block in data.edges.blocks(1000):
                for target, source, weight in zip(*(column.tolist() for column in block), strict=True):
                    session.run(_MERGE, source=source, target=target, weight=weight).consume()
                    written += 1
                    if time.perf_counter() - started > LIMIT:
                        return {"seconds": time.perf_counter() - started, "written": written}
            return {"seconds": time.perf_counter() - started, "written": written}
    finally:
        server.stop()


def markdown(records: list[Record]) -> str:
    """A row for each way in, a column for each graph."""
    graphs = {record["graph"]: record["edges"] for record in records}
    importer = {record["graph"]: record["importer"] for record in records if record.get("importer")}
    ways = list(dict.fromkeys(record["way"] for record in records))
    cells = {(record["way"], record["graph"]): cell(record, importer.get(record["graph"])) for record in records}
    rows = [[way, *(cells.get((way, graph), "") for graph in graphs)] for way in ways]
    alone = [
        cell({"edges": graphs[graph], "seconds": importer[graph]}) if graph in importer else "" for graph in graphs
    ]
    rows.append(["Neo4j's importer alone, in --bulk", *alone])
    heads = ["", *(f"{edges:,} edges" for edges in graphs.values())]
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True)) + "\n"


def cell(record: Record, importer: float | None = None) -> str:
    """Time, rate, memory of the program, and how many times as long as the importer alone it took."""
    if record.get("failed"):
        return str(record["failed"])
    written = record.get("written", record["edges"])
    parts = [f"{record['seconds']:.3g} s", f"{written / record['seconds']:,.0f} edges/s"]
    if written < record["edges"]:
        parts[0] = f"> {LIMIT:.0f} s"
    if record.get("memory"):
        parts.append(f"{record['memory'] / 1e6:,.0f} MB")
    if importer and written == record["edges"]:
        parts.append(f"{record['seconds'] / importer:.2g} x the importer")
    return ", ".join(parts)
