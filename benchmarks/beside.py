"""Questions about one graph, alone in its store and with 500 others beside it: a part of make bench.

The other graphs are small and synthetic. The store is asked alone, with them, and once they are deleted: the last
column shows what is due to the age of the store and to the machine, not to the other graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.report import milliseconds
from benchmarks.worker import repeated, timed
from circuit_atlas import Atlas
from circuit_atlas.examples import example_graph
from circuit_atlas.ingest import load_graph
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

Record = dict[str, Any]
GRAPHS = 500
_FIRST = "beside-0"
_COPY = """
UNWIND range(1, $graphs) AS i
WITH 'beside-' + i AS name
CALL (name) {
  MATCH (g:Graph {name: $graph}) CREATE (copy:Graph) SET copy = g {.*, name: name}
}
CALL (name) {
  MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  CREATE (copy:Node:$(labels(n))) SET copy = n {.*, graph: name}
}
CALL (name) {
  MATCH (n:Node {graph: $graph})-[r:DIRECT_EFFECT]->(m)
  WITH name, n.ordinal AS s, m.ordinal AS t, r.weight AS w
  MATCH (a:Node {graph: name, ordinal: s}), (b:Node {graph: name, ordinal: t})
  CREATE (a)-[:DIRECT_EFFECT {weight: w}]->(b)
}
CALL (name) {
  MATCH (x:PathBounds|PathSteps|PathCounts) WHERE x.graph = $graph
  CREATE (copy:$(labels(x))) SET copy = x {.*, graph: name}
}
"""
_DELETE = """
MATCH (n) WHERE any(x IN [n.graph, n.name] WHERE x STARTS WITH 'beside-')
CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS
"""


def add_graphs(atlas: Atlas, graphs: int = GRAPHS) -> None:
    """Store small graphs, copies of one that is ingested."""
    shape = Shape(layers=3, positions=3, features_per_layer=6)
    load_graph(atlas, synthesize(shape), name=_FIRST)
    atlas.cypher(_COPY, {"graph": _FIRST, "graphs": graphs - 1}, write=True)


def delete_graphs(atlas: Atlas) -> None:
    """Delete what `add_graphs` stored."""
    with atlas.driver.session() as session:
        session.run(_DELETE).consume()


def measure(folder: Path) -> Iterator[Record]:
    """Median seconds of each question, warm, client time included: alone, beside, alone again."""
    server = LocalServer(folder / "beside-store")
    try:
        with Atlas(store=folder / "beside-store", timeout=300) as atlas:
            dallas = atlas.ingest(example_graph("dallas"), name="dallas")
            asked: dict[str, Callable[[], Any]] = {
                "paths": dallas.paths,
                "paths from a token": lambda: dallas.paths(sources=["token:9"], max_hops=3),
                "count": lambda: dallas.count(max_hops=6),
                "neighbors": lambda: dallas.neighbors("logit:Austin"),
            }
            _medians(asked)  # a server that has just started takes a while to become as fast as it gets
            alone = _medians(asked)
            add_graphs(atlas)
            beside = _medians(asked)
            delete_graphs(atlas)
            again = _medians(asked)
    finally:
        server.stop()
    for question in asked:
        yield {"question": question, "alone": alone[question], "beside": beside[question], "again": again[question]}


def _medians(asked: dict[str, Callable[[], Any]]) -> dict[str, float]:
    medians = {}
    for question, ask in asked.items():
        median = repeated(ask, *timed(ask)).median
        assert median is not None
        medians[question] = median
    return medians


def markdown(records: list[Record]) -> str:
    """A row for each question; milliseconds."""
    rows = []
    for record in records:
        times = (milliseconds(record[when]) for when in ("alone", "beside", "again"))
        rows.append([record["question"], *times, f"{record['beside'] / record['alone']:.2f}"])
    heads = ["ms", "alone", f"{GRAPHS} graphs beside", "these deleted", "ratio"]
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True)) + "\n"
