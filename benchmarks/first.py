"""First questions: each is asked by a new program, of a server that has just started, and again by another program.

Beside them, programs that do nothing but the recurrence over their own file: numpy from packed arrays, which is about
what the machine can do, and DuckDB from its own tables.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from tabulate import tabulate

from benchmarks.cases import SHAPES, case_of, graph_of
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.server import LocalServer

Record = dict[str, Any]
_LIMIT = 120  # seconds
_SOURCE = "token:3"
_QUESTIONS = {
    "paths": ["paths", "first"],
    "paths from a token": ["paths", "first", "--from", _SOURCE],
    "paths, bottleneck": ["paths", "first", "--score", "bottleneck"],
    "paths, product": ["paths", "first", "--score", "product"],
    "paths through three layers": ["paths", "first", "--layer", "3", "--layer", "7", "--layer", "12"],
    "paths of edges of at least 0.01": ["paths", "first", "--min-weight", "0.01"],
    "paths, edge value abs(weight)": ["paths", "first", "--edge-value", "abs(weight)"],
    "paths from a token, 12 hops": ["paths", "first", "--from", _SOURCE, "--max-hops", "12"],
    "count from a token": ["count", "first", "--from", _SOURCE],
    "distribution": ["distribution", "first"],
    "influence on a token": ["influence", "first", "--to", "error:20@5"],
    "6 hops, k = 10,000": ["paths", "first", "--max-hops", "6", "-k", "10000", "--timeout", str(_LIMIT)],
}


def measure(folder: Path) -> Iterator[Record]:
    """Seconds of every question, for each synthetic graph."""
    for size in SHAPES:
        yield from measure_size(size, folder)


def measure_size(size: str, folder: Path) -> Iterator[Record]:
    """Seconds of every question about the graph of a size."""
    data = graph_of(size)
    edges, file, store = len(data.edges), folder / f"{size}.pt", folder / f"store-{size}"
    write_pt(data, file)
    server = LocalServer(store)
    environment = {**os.environ, STORE_VARIABLE: str(store)}
    server.start(quiet=True)

    def ask(arguments: list[str]) -> float | None:
        return _timed([sys.executable, "-m", "circuit_atlas", *arguments], environment)

    ingest = ask(["ingest", str(file), "--bulk", "--name", "first"])
    answer = ask(_QUESTIONS["paths"])
    assert ingest is not None
    assert answer is not None
    yield {"graph": size, "edges": edges, "question": "file to first answer, --bulk", "new": ingest + answer}
    for question, arguments in _QUESTIONS.items():
        server.stop()
        server.start(quiet=True)
        first, again = ask(arguments), ask(arguments)
        yield {"graph": size, "edges": edges, "question": question, "new": first, "again": again}
    server.stop()
    case = case_of(data)
    _save(PackedEdges.of(data.edges, len(data.nodes)), folder / "limit.npz")
    for hops in (4, 12):
        seconds = _timed([sys.executable, "-m", "benchmarks.first", "numpy", str(folder / "limit.npz"), str(hops)])
        yield {"graph": size, "edges": edges, "question": f"numpy, {hops} hops from a token", "again": seconds}
    with duckdb.connect(str(folder / "edges.duckdb")) as database:
        database.register("arrays", pa.table({"target": case.target, "source": case.source, "weight": case.weight}))
        database.execute("CREATE TABLE edges AS SELECT * FROM arrays ORDER BY target, source")
    for hops in (4, 12):
        command = [sys.executable, "-m", "benchmarks.first", "duckdb", str(folder / "edges.duckdb"), str(hops)]
        seconds = _timed([*command, str(case.tokens[3])])
        yield {"graph": size, "edges": edges, "question": f"DuckDB, {hops} hops from a token", "again": seconds}
    (folder / "edges.duckdb").unlink()


def _timed(command: list[str], environment: dict[str, str] | None = None) -> float | None:
    """Seconds of a program from start to end; None if it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=10 * _LIMIT)
    return time.perf_counter() - started if done.returncode == 0 else None


def _save(edges: PackedEdges, file: Path) -> None:
    np.savez(file, start=edges.start, source=edges.source, weight=edges.weight)


def walk_numpy(file: str, hops: int) -> float:
    """The recurrence from one node, in numpy on one core, read from a file."""
    with np.load(file) as arrays:
        start, source, weight = arrays["start"], arrays["source"], arrays["weight"]
    best = np.full(len(start) - 1, -np.inf)
    best[-14] = 0
    block = 1 << 18
    for _ in range(hops):
        longer, first = np.full_like(best, -np.inf), 0
        while first < len(best):
            stop = max(int(np.searchsorted(start, start[first] + block, side="right")) - 1, first + 1)
            begin, end = start[first], start[stop]
            nodes = first + np.flatnonzero(np.diff(start[first : stop + 1]))
            if len(nodes):
                values = np.take(best, source[begin:end], mode="clip") + weight[begin:end]
                longer[nodes] = np.maximum.reduceat(values, start[nodes] - begin)
            first = stop
        best = longer
    return float(best.max())


def walk_duckdb(file: str, hops: int, source: int) -> float:
    """The same recurrence as SQL, a table for each hop."""
    with duckdb.connect(file, read_only=True) as database:
        database.execute("CREATE TEMP TABLE b0 AS SELECT ?::INTEGER AS node, 0.0::DOUBLE AS best", [source])
        for hop in range(1, hops + 1):
            database.execute(
                f"CREATE TEMP TABLE b{hop} AS SELECT e.target AS node, max(e.weight + b.best) AS best "
                f"FROM edges e JOIN b{hop - 1} b ON b.node = e.source GROUP BY e.target"
            )
        return float(database.execute(f"SELECT max(best) FROM b{hops}").fetchall()[0][0] or 0)


def markdown(records: list[Record]) -> str:
    """A row for each question; for each graph the seconds in a new server, and in one that has answered before."""
    graphs = list(dict.fromkeys(f"{record['edges']:,} edges" for record in records))
    rows: dict[str, dict[str, str]] = {}
    for record in records:
        times = [_seconds(record.get(name)) for name in ("new", "again") if name in record]
        rows.setdefault(record["question"], {})[f"{record['edges']:,} edges"] = "; ".join(times)
    table = [[question, *(cells.get(graph, "") for graph in graphs)] for question, cells in rows.items()]
    return str(tabulate(table, ["s", *graphs], tablefmt="github", disable_numparse=True)) + "\n"


def _seconds(value: float | None) -> str:
    return "failed" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    kind, file, hops = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print(walk_numpy(file, hops) if kind == "numpy" else walk_duckdb(file, hops, int(sys.argv[4])))
