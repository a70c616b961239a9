"""Programs that do nothing but the recurrence of the best walks, each over its own file: `first` compares with them.

`python -m benchmarks.walks PROGRAM FILE HOPS SOURCE` prints the largest sum of weights of a walk of exactly HOPS edges
that begins at node SOURCE. numpy reads packed edges, 6 bytes each, on one core: about what the machine can do. DuckDB
has a table that is sorted by target. python-graphblas has a matrix, and multiplies it in the semiring max_plus.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # a program's time is not that of imports it does not need
    from benchmarks.cases import Case
    from circuit_atlas.graph.packed import PackedEdges

_BLOCK = 1 << 18  # edges whose values fit into a processor's cache


def write_numpy(case: Case, edges: PackedEdges, file: Path) -> None:
    """Write the packed edges."""
    np.savez(file, start=edges.start, source=edges.source, weight=edges.weight)


def walk_numpy(file: str, hops: int, source: int) -> float:
    """The recurrence over blocks of edges."""
    with np.load(file) as arrays:
        start, sources, weight = arrays["start"], arrays["source"], arrays["weight"]
    best = np.full(len(start) - 1, -np.inf)
    best[source] = 0
    for _ in range(hops):
        longer, first = np.full_like(best, -np.inf), 0
        while first < len(best):
            stop = max(int(np.searchsorted(start, start[first] + _BLOCK, side="right")) - 1, first + 1)
            begin, end = start[first], start[stop]
            nodes = first + np.flatnonzero(np.diff(start[first : stop + 1]))
            if len(nodes):
                values = np.take(best, sources[begin:end], mode="clip") + weight[begin:end]
                longer[nodes] = np.maximum.reduceat(values, start[nodes] - begin)
            first = stop
        best = longer
    return float(best.max())


def write_duckdb(case: Case, edges: PackedEdges, file: Path) -> None:
    """Write a table of edges, sorted by target."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect(str(file)) as database:
        database.register("arrays", pa.table({"target": case.target, "source": case.source, "weight": case.weight}))
        database.execute("CREATE TABLE edges AS SELECT * FROM arrays ORDER BY target, source")


def walk_duckdb(file: str, hops: int, source: int) -> float:
    """The recurrence as SQL, a table for each hop."""
    import duckdb

    with duckdb.connect(file, read_only=True) as database:
        database.execute("CREATE TEMP TABLE b0 AS SELECT ?::INTEGER AS node, 0.0::DOUBLE AS best", [source])
        for hop in range(1, hops + 1):
            database.execute(
                f"CREATE TEMP TABLE b{hop} AS SELECT e.target AS node, max(e.weight + b.best) AS best "
                f"FROM edges e JOIN b{hop - 1} b ON b.node = e.source GROUP BY e.target"
            )
        return float(database.execute(f"SELECT max(best) FROM b{hops}").fetchall()[0][0])


def write_graphblas(case: Case, edges: PackedEdges, file: Path) -> None:
    """Write a matrix, rows targets and columns sources, in GraphBLAS's own format."""
    import graphblas as gb

    n = len(edges.inputs)
    matrix = gb.Matrix.from_csr(edges.start, edges.source.astype(np.int64), edges.weight.astype(float), ncols=n)
    matrix.ss.serialize().tofile(file)


def walk_graphblas(file: str, hops: int, source: int) -> float:
    """The recurrence as products of a matrix and a vector; a node that no walk reaches is not in the vector."""
    import graphblas as gb

    matrix = gb.Matrix.ss.deserialize(np.fromfile(file, np.uint8))
    best = gb.Vector.from_coo([source], [0.0], size=matrix.nrows)
    for _ in range(hops):
        best = matrix.mxv(best, gb.semiring.max_plus).new()
    return float(best.reduce(gb.monoid.max).new().value)


PROGRAMS = {
    "numpy": (write_numpy, walk_numpy),
    "DuckDB": (write_duckdb, walk_duckdb),
    "python-graphblas": (write_graphblas, walk_graphblas),
}

if __name__ == "__main__":
    program, path, n_hops, begin = sys.argv[1:]
    print(PROGRAMS[program][1](path, int(n_hops), int(begin)))
