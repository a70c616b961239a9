"""Explaining features and searching explanations: the third part of make bench.

10,000 features of a synthetic graph, from a server on this machine that answers as Neuronpedia's API does: in one run,
and in two, the first of which is killed when half is stored. Then searches in a store of 1,000 synthetic graphs, all of
whose features have a made-up explanation of three words.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.worker import repeated, timed
from circuit_atlas import Atlas, Connection
from circuit_atlas.ingest import load_graph
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize, write_synthetic

Record = dict[str, Any]
FEATURES, GRAPHS = 10_000, 1000
_SERVER = Path(__file__).parent.parent / "tests" / "support" / "neuronpedia.py"
_PROGRAM = Path(sys.executable).with_name("circuit-atlas")
_WORDS = [f"word{i}" for i in range(56)]
_STORED = "MATCH (f:TranscoderFeature) WHERE f.fetched_at IS NOT NULL RETURN count(f) AS n"
_FORGET = "MATCH (f:TranscoderFeature) REMOVE f.fetched_at"
_ALL = "MATCH (f:TranscoderFeature) RETURN f.layer AS layer, f.index AS index"


def measure(folder: Path) -> Iterator[Record]:
    """Seconds, by what was done."""
    store = LocalServer(folder / "explain")
    connection = store.start()
    with Atlas(connection) as atlas:
        shape = Shape(layers=26, positions=11, features_per_layer=420, density=0.005)
        load_graph(atlas, synthesize(shape), name="synthetic")
        for way, rate in (("at any rate", 1e9), ("25,000 requests an hour", 25_000)):
            with neuronpedia() as (url, asked):
                seconds, _ = timed(partial(explain_all, connection, url, rate))
            yield {"what": f"explain {FEATURES:,} features, {way}", "seconds": seconds, "asked": asked}
            atlas.cypher(_FORGET, write=True)
        with neuronpedia() as (url, asked):
            seconds, stored = timed(lambda: killed_half_way(atlas, connection, url))
        yield {"what": f"the same, killed after {stored:,} and resumed", "seconds": seconds, "asked": asked}
    store.stop()
    yield from searches(folder)


@contextmanager
def neuronpedia() -> Iterator[tuple[str, list[int]]]:
    """The server's address; then requests, features, and features asked for more than once."""
    server = subprocess.Popen([sys.executable, _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    asked: list[int] = []
    url = server.stdout.readline().strip()
    yield url, asked
    asked += json.loads(server.communicate("")[0])


def explain(connection: Connection, url: str, rate: float, limit: int = FEATURES) -> subprocess.Popen[bytes]:
    """The command, begun."""
    command = [str(_PROGRAM), "explain", "--all", "--url", url, "--rate", str(rate), "--limit", str(limit)]
    environment = {"NEO4J_URI": connection.uri, "NEO4J_PASSWORD": connection.password}
    return subprocess.Popen(
        [*command, "--timeout", "120"], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )


def explain_all(connection: Connection, url: str, rate: float) -> None:
    """The command, from its begin to its end."""
    explain(connection, url, rate).wait()


def killed_half_way(atlas: Atlas, connection: Connection, url: str) -> int:
    """How many features were stored when it was killed; then the rest is explained."""
    process = explain(connection, url, 1e9)
    while (stored := atlas.cypher(_STORED).rows[0]["n"]) < FEATURES // 2:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = int(atlas.cypher(_STORED).rows[0]["n"])
    explain(connection, url, 1e9, FEATURES - stored).wait()
    return stored


def searches(folder: Path) -> Iterator[Record]:
    """Searches in a store of many graphs."""
    files = folder / "graphs"
    files.mkdir()
    for seed in range(GRAPHS):
        write_synthetic(files / f"g{seed}.json", Shape(density=0.02, seed=seed))
    with Atlas(store=folder / "many", timeout=300) as atlas:
        atlas.ingest_all([files], bulk=True)
        choice = random.Random(0).choices
        rows = [f"{f['layer']}\t{f['index']}\t{' '.join(choice(_WORDS, k=3))}\n" for f in atlas.cypher(_ALL).rows]
        (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
        [summary] = [graph for graph in atlas.graphs().graphs if graph.graph == "g7"]
        seconds, _ = timed(
            lambda: atlas.import_explanations(folder / "labels.tsv", model=summary.model, source_set=summary.source_set)
        )
        yield {"what": f"import {len(rows):,} explanations, {GRAPHS:,} graphs", "seconds": seconds}
        for what, ask in (
            ("one word", partial(atlas.search, _WORDS[0])),
            ("two words", partial(atlas.search, " ".join(_WORDS[1:3]))),
            ("one word, in one graph", partial(atlas.search, _WORDS[3], graph="g7")),
            ("a token of every graph", partial(atlas.search, "token")),
        ):
            first, answer = timed(ask)
            timing = repeated(ask, first, answer)
            yield {"what": f"search, {what}", "seconds": timing.median, "hits": len(answer.hits)}
    LocalServer(folder / "many").stop()


def markdown(records: list[Record]) -> str:
    """The table."""
    rows = [
        [record["what"], f"{record['seconds']:.3g} s", *(f"{n:,}" for n in record.get("asked", []))]
        for record in records
    ]
    heads = ["", "time", "requests", "features", "asked for more than once"]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True) + "\n"
