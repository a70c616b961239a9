"""Writes the tables of docs/how-to/circuits.md: circuits of several sizes by each method, for the example graphs.

Each method chooses a circuit for what it is asked to keep, here influence; the times are of the choice alone. Without
arguments, the page is written; with `--all`, a row for each graph, size and method is printed.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np
from tabulate import tabulate

from circuit_atlas.graph.circuits import Circuits
from circuit_atlas.graph.data import KINDS, Bool, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest import read_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import CIRCUIT_METHODS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "circuits.md"
SIZES = (10, 20, 50)
FULL = ("dallas", "foot", "night", "puppy", "taste", "winter")  # the graphs that `demo` stores
HEADS = ["nodes", "method", "influence", "replacement", "completeness", "ms"]


class Row(NamedTuple):
    """A circuit: graph, nodes asked for, method, nodes chosen, scores, seconds."""

    graph: str
    size: int
    method: str
    nodes: int
    influence: float
    replacement: float
    completeness: float
    seconds: float


def main() -> None:
    """Entry point."""
    files = [*(ROOT / "examples" / "graphs").glob("*.json"), *(ROOT / "examples" / "analogies").glob("*.json.gz")]
    rows = [row for file in sorted(files, key=name_of) for row in rows_of(file)]
    if "--all" in sys.argv[1:]:
        print(tabulate(rows, Row._fields, floatfmt=".4f"))
        return
    analogies = {name_of(file) for file in files if file.suffix == ".gz"}
    text = PAGE.read_text(encoding="utf-8")
    text = with_part(text, "mean", mean_table([row for row in rows if row.graph in analogies]))
    text = with_part(text, "full", full_table([row for row in rows if row.graph in FULL or row.graph not in analogies]))
    PAGE.write_text(text, encoding="utf-8")


def name_of(file: Path) -> str:
    """The name of the graph in a file."""
    return file.name.partition(".")[0]


def circuits_of(data: GraphData) -> Circuits:
    """The circuits of a graph that account for its logits."""

    def of(kind: Kind) -> Bool:
        return np.asarray(data.nodes.kind == KINDS.index(kind))

    edges = PackedEdges.of(data.edges, len(data.nodes))
    order = topological_order(edges, data.nodes.depth)
    weights = np.nan_to_num(data.nodes.probability)
    input_sum = compute_influence(data, order).input_sum
    return Circuits(edges, order, input_sum, weights, of(Kind.TOKEN), of(Kind.ERROR), of(Kind.LOGIT))


def rows_of(file: Path) -> Iterable[Row]:
    """The circuits of a graph: without nodes, of each size by each method, and with all nodes."""
    circuits, name = circuits_of(read_graph(file)), name_of(file)
    for method, nodes in (("none", np.zeros_like(circuits.choosable)), ("whole graph", circuits.choosable)):
        yield row_of(name, int(nodes.sum()) if method == "none" else -1, method, nodes, circuits, 0.0)
    for size in SIZES:
        for method in CIRCUIT_METHODS:
            started = time.perf_counter()
            choice = circuits.choose(size, "influence", method)
            yield row_of(name, size, method, choice.nodes, circuits, time.perf_counter() - started)


def row_of(graph: str, size: int, method: str, nodes: Bool, circuits: Circuits, seconds: float) -> Row:
    """The row of a circuit."""
    influence, replacement, completeness = circuits.score(nodes)
    assert influence is not None, graph
    assert replacement is not None, graph
    return Row(graph, size, method, int(nodes.sum()), influence, replacement, completeness, seconds)


def mean_table(rows: list[Row]) -> str:
    """The means over some graphs, in Markdown."""
    groups: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.size, row.method].append(row)
    cells = []
    for (size, _), found in in_order(groups):
        scores = [f"{mean(values):.3f}" for values in zip(*(row[4:7] for row in found), strict=True)]
        cells.append([*cells_of(found[0]), *scores, time_of(size, mean(row.seconds for row in found))])
    return tabulate(cells, HEADS, tablefmt="github", disable_numparse=True)


def in_order(groups: dict[tuple[int, str], list[Row]]) -> list[tuple[tuple[int, str], list[Row]]]:
    """From no nodes to all of them."""
    return sorted(groups.items(), key=lambda group: group[0][0] if group[0][0] >= 0 else 1_000_000)


def full_table(rows: list[Row]) -> str:
    """A row for each circuit, in Markdown."""
    ordered = sorted(rows, key=lambda row: (row.graph, row.size if row.size >= 0 else 1_000_000))
    cells = [
        [row.graph, *cells_of(row), *(f"{value:.3f}" for value in row[4:7]), time_of(row.size, row.seconds)]
        for row in ordered
    ]
    return tabulate(cells, ["graph", *HEADS], tablefmt="github", disable_numparse=True)


def cells_of(row: Row) -> list[str]:
    """The first cells of a row: nodes asked for, method."""
    return ["all" if row.size < 0 else str(row.size), "" if row.size <= 0 else row.method]


def time_of(size: int, seconds: float) -> str:
    """Milliseconds, for circuits that were chosen."""
    return f"{1000 * seconds:.0f}" if size > 0 else ""


def with_part(text: str, name: str, part: str) -> str:
    """A page with one part replaced: the text between the comments `NAME: written by ...` and `end of NAME`."""
    begin, end = f"<!-- {name}: written by scripts/circuit_table.py -->", f"<!-- end of {name} -->"
    head, found, rest = text.partition(begin)
    assert found, begin
    return f"{head}{begin}\n\n{part}\n\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    main()
