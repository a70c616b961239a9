"""`make soak`: many questions in one process. Its memory, threads and open files must not grow."""

from __future__ import annotations

import argparse
import gc
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from support.examples import ingest_examples
from support.server import started
from tqdm import tqdm

from circuit_atlas import Atlas

_WARM = 0.25  # share of the questions after which nothing may grow any more
_GROWTH = 1.1  # of memory: the interpreter keeps some of what it freed
_ROWS = 20
_KEYS = "MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0 RETURN n.key AS key ORDER BY n.ordinal LIMIT 1000"


def main() -> None:
    """Ask, and print memory, threads and open files as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000, help="how many")
    number = parser.parse_args().questions
    chosen = random.Random(int(os.environ.get("SEED") or 1))
    rows: list[tuple[int, float, int, int]] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for server in started(Path(folder) / "store"):
            with Atlas(store=server.store.path) as atlas:
                ask = _questions(atlas, chosen)
                for done in tqdm(range(number + 1), unit=" questions", disable=None):
                    if done % max(number // _ROWS, 1) == 0:
                        rows.append((done, *_size()))
                        print("{:7,} questions  {:6.1f} MB  {} threads  {} files".format(*rows[-1]), flush=True)
                    chosen.choice(ask)()
    settled = [row for row in rows if row[0] >= _WARM * number]
    _, memory, threads, files = settled[0]
    for row in settled:
        assert row[1] < _GROWTH * memory, row
        assert row[2:] == (threads, files), row


def _size() -> tuple[float, int, int]:
    gc.collect()
    process = psutil.Process()
    return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds()


def _questions(atlas: Atlas, chosen: random.Random) -> list[Callable[[], object]]:
    graphs = [
        (graph, [row["key"] for row in atlas.cypher(_KEYS, {"graph": name}).rows])
        for name, graph in ingest_examples(atlas, "dallas", "night").items()
    ]

    def of_graph(question: Callable[..., object]) -> Callable[[], object]:
        def ask() -> object:
            graph, keys = chosen.choice(graphs)
            return question(graph, chosen.choice(keys))

        return ask

    return [
        of_graph(lambda graph, _: graph.stats()),
        of_graph(lambda graph, key: graph.node(key)),
        of_graph(lambda graph, key: graph.neighbors(key)),
        of_graph(lambda graph, key: graph.subgraph(key)),
        of_graph(lambda graph, _: graph.paths(max_hops=4)),
        of_graph(lambda graph, _: graph.paths(sources=["token:1"], max_hops=4)),
        of_graph(lambda graph, _: graph.count()),
        of_graph(lambda graph, _: graph.influence()),
        of_graph(lambda graph, _: graph.supernodes()),
        of_graph(lambda graph, _: graph.circuit(nodes=10)),
        atlas.graphs,
        lambda: atlas.search("capital"),
        lambda: atlas.common_features("dallas", "night"),
    ]


if __name__ == "__main__":
    main()
