"""Questions across thousands of graphs in one store, and how they grow with the number of graphs: a part of make bench.

Synthetic graphs that share transcoder features: a few are active almost everywhere, most in one or two. They are
written as JSON and stored in bulk under one tag, a store for each number of graphs; a program of its own asks each
store. Then some more are added online to the store as it is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from benchmarks.report import milliseconds
from benchmarks.worker import peak_memory, repeated, timed
from circuit_atlas import Atlas
from circuit_atlas.export.json_file import write_json
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.schema.keys import Kind
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

mpl.use("svg")
from matplotlib import pyplot as plt

Record = dict[str, Any]
TAG = "many"
TIMEOUT = 600.0  # seconds that a question may take
_WIDTH = 16_384
_MORE = 100  # graphs that are added online
_MAX_WRITTEN = 10_000_000  # effects of all graphs, where an aggregate has what only one of them has, too
_EFFECTS = "effects of a graph"


class Store(NamedTuple):
    """What is stored: how many graphs, and of what shape."""

    graphs: int
    shape: Shape


SMALL = Shape(layers=8, positions=8, features_per_layer=24, logits=5, density=0.28)  # 4,000 effects
LARGE = Shape(layers=20, positions=12, features_per_layer=35, logits=10, density=0.33)  # 60,000 effects
STORES = (Store(100, SMALL), Store(1000, SMALL), Store(10_000, SMALL), Store(1000, LARGE))


def measure(folder: Path) -> Iterator[Record]:
    """What each store took to be made and takes on disk, and the seconds of each question: the first time and, warm,
    again; client time included.
    """
    for number, store in enumerate(STORES):
        home = folder / str(number)
        write_graphs(store, home / "graphs", range(store.graphs))
        write_graphs(store, home / "more", range(store.graphs, store.graphs + _MORE))
        records = list(_in_own_process(home))
        effects = next(record["value"] for record in records if record["row"] == _EFFECTS)
        for record in records:
            yield {"store": number, "graphs": store.graphs, "effects": effects, **record}
        shutil.rmtree(home)


def _in_own_process(home: Path) -> Iterator[Record]:
    """The records of `ask_store`, by a program whose memory is its own."""
    command = [sys.executable, "-m", "benchmarks.atlas", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            yield json.loads(line)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def write_graphs(store: Store, folder: Path, seeds: range) -> None:
    """Write a graph for each seed, in two processes."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(2) as pool:
        jobs = pool.map(_write_graph, repeat(store.shape), repeat(folder), seeds, chunksize=50)
        list(tqdm(jobs, "graphs", total=len(seeds), disable=None))


def _write_graph(shape: Shape, folder: Path, seed: int) -> None:
    write_json(make_graph(shape, seed), folder / f"{seed:05}.json")


def make_graph(shape: Shape, seed: int) -> GraphData:
    """A synthetic graph whose features are drawn by popularity: that of rank r about 1 / (r + 1) as often."""
    data = synthesize(replace(shape, seed=seed), slug=f"{seed:05}")
    index, rng = data.nodes.index.copy(), np.random.default_rng((seed, 3))
    popularity = 1 / (np.arange(_WIDTH) + 1.0)
    popularity /= popularity.sum()
    is_feature = data.nodes.kind == KINDS.index(Kind.FEATURE)
    for layer in range(shape.layers):
        [features] = np.nonzero(is_feature & (data.nodes.layer == layer))
        index[features] = rng.choice(_WIDTH, len(features), replace=False, p=popularity)
    return replace(data, nodes=replace(data.nodes, index=index))


def ask_store(home: Path) -> Iterator[Record]:
    """Make the store of a folder, and ask it."""
    server = LocalServer(home / "store")
    try:
        with Atlas(store=home / "store", timeout=TIMEOUT) as atlas:
            yield from _ingest(atlas, home)
            for question, ask in questions(atlas).items():
                yield _asked(question, ask)
            yield from _aggregate(atlas)
            seconds, _ = timed(lambda: atlas.ingest_all([home / "more"], fail_fast=True))
            yield _row(f"ingest online, {_MORE} graphs more: graphs/s", _MORE / seconds)
    finally:
        server.stop()


def _ingest(atlas: Atlas, home: Path) -> Iterator[Record]:
    seconds, results = timed(lambda: atlas.ingest_all([home / "graphs"], bulk=True, fail_fast=True, tags=[TAG]))
    stored = [file.result for file in results.files if file.result is not None]
    yield _row(_EFFECTS, sum(one.edges for one in stored) / len(stored))
    yield _row("ingest in bulk: graphs/s", len(stored) / seconds)
    yield _row("... memory, MB", peak_memory("self") / 1e6)
    used = sum(path.stat().st_blocks * 512 for path in (home / "store").rglob("*") if path.is_file())
    yield _row("disk, MB", used / 1e6)


def _aggregate(atlas: Atlas) -> Iterator[Record]:
    """Makes an aggregate of what 1 % of the graphs have and, where it is not too much to write, of what any has."""
    effects = [graph.edges for graph in atlas.graphs(tags=[TAG]).graphs]
    yield from _made(atlas, "aggregate of what 1 % have", len(effects), max(2, len(effects) // 100))
    if sum(effects) < _MAX_WRITTEN:
        yield from _made(atlas, "aggregate of all effects", len(effects), 1)
        yield from _refreshed(atlas)
    yield _asked("paths through the aggregate", lambda: atlas.graph("map").paths())
    yield _asked("influence in the aggregate", lambda: atlas.graph("map").influence())


def _made(atlas: Atlas, what: str, n_graphs: int, min_graphs: int) -> Iterator[Record]:
    make = partial(atlas.aggregate, tags=[TAG], name="map", min_graphs=min_graphs, replace=True)
    seconds, made = timed(make)
    yield _row(f"{what}: graphs/s", n_graphs / seconds)
    yield _row(f"{what}: its effects", made.stats().edges)
    yield _row(f"{what}: memory, MB", peak_memory("self") / 1e6)


def _refreshed(atlas: Atlas) -> Iterator[Record]:
    """What it takes to take one graph out of the aggregate, and to add it again."""
    for change in ("remove", "add"):
        atlas.tag("00001", **{change: [TAG]})
        seconds, _ = timed(lambda: atlas.aggregate(name="map", refresh=True))
        yield _row(f"aggregate of all effects, {change} a graph: s", seconds)


def questions(atlas: Atlas) -> dict[str, Callable[[], Any]]:
    """What is asked, of the feature that is active in most graphs and of two graphs."""
    return {
        "features show, active in about 95 %": lambda: atlas.feature("0/0"),
        "features show, active in few": lambda: atlas.feature("1/100"),
        "features common, two graphs": lambda: atlas.common_features("00001", "00002"),
        "features only, one graph but not another": lambda: atlas.only_features("00001", without=["00002"]),
        "features only, one graph but no other": lambda: atlas.only_features("00001", without_tags=[TAG]),
        "features common, all graphs": lambda: atlas.common_features(tags=[TAG]),
        "recurring, all graphs": lambda: atlas.recurring(tags=[TAG]),
        "similar, one graph and all": lambda: atlas.similar("00001", tags=[TAG]),
        "compare, two graphs": lambda: atlas.compare("00001", "00002"),
        "paths, the best of each of 100 graphs": lambda: atlas.each(*(f"{seed:05}" for seed in range(100))).paths(k=1),
    }


def _asked(question: str, ask: Callable[[], Any]) -> Record:
    first, answer = timed(ask)
    return {"row": question, "first": first, "value": repeated(ask, first, answer).median}


def _row(what: str, value: float) -> Record:
    return {"row": what, "value": value}


def markdown(records: list[Record]) -> str:
    """A row for each question, a column for each store."""
    stores = dict.fromkeys((record["store"], record["graphs"], record["effects"]) for record in records)
    cells = {(record["row"], record["store"]): _cell(record) for record in records}
    rows = dict.fromkeys(record["row"] for record in records if record["row"] != _EFFECTS)
    heads = ["graphs of so many effects each", *(f"{graphs:,} of {effects:,.0f}" for _, graphs, effects in stores)]
    table = [[row, *(cells.get((row, store), "") for store, _, _ in stores)] for row in rows]
    return str(tabulate(table, heads, tablefmt="github", disable_numparse=True)) + "\n"


def _cell(record: Record) -> str:
    """A number, or the milliseconds of a question: the first time, and again."""
    if "first" in record:
        return f"{milliseconds(record['first'])} / {milliseconds(record['value'])}"
    return f"{record['value']:,.3g}" if record["value"] < 100 else f"{record['value']:,.0f}"


def draw(records: list[Record], path: Path) -> None:
    """The questions against the number of graphs, for the stores whose graphs have the same shape."""
    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    same = [record for record in records if STORES[record["store"]].shape == SMALL and "first" in record]
    for row in dict.fromkeys(record["row"] for record in same):
        points = [(record["graphs"], record["value"]) for record in same if record["row"] == row]
        axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=row)
    axis.set(xlabel="graphs in the store", ylabel="milliseconds, warm", xscale="log", yscale="log")
    axis.yaxis.set_major_formatter(lambda seconds, _: f"{seconds * 1000:g}")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    for found in ask_store(Path(sys.argv[1])):
        print(json.dumps(found), flush=True)
