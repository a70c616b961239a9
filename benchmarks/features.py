"""Questions across a thousand graphs in one store: the last part of make bench.

Synthetic graphs that share transcoder features: a few are active almost everywhere, most in one or two. They are
written as JSON, and stored in bulk under one tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from benchmarks.report import milliseconds
from benchmarks.worker import repeated, timed
from circuit_atlas import Atlas
from circuit_atlas.export.json_file import write_json
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.schema.keys import Kind
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

Record = dict[str, Any]
GRAPHS = 1000
TAG = "many"
_WIDTH = 16_384
_SHAPE = Shape(layers=8, positions=8, features_per_layer=24, logits=5, density=0.25)


def measure(folder: Path) -> Iterator[Record]:
    """Seconds of each question, warm, client time included."""
    (folder / "graphs").mkdir()
    for seed in tqdm(range(GRAPHS), "graphs"):
        write_json(make_graph(seed), folder / "graphs" / f"{seed:04}.json")
    server = LocalServer(folder / "many-store")
    try:
        with Atlas(store=folder / "many-store", progress=True) as atlas:
            atlas.ingest_all([folder / "graphs"], bulk=True, fail_fast=True, tags=[TAG])
            for question, ask in questions(atlas).items():
                timing = repeated(ask, *timed(ask))
                yield {
                    "question": question,
                    "median": timing.median,
                    "fastest": timing.fastest,
                    "slowest": timing.slowest,
                }
    finally:
        server.stop()


def questions(atlas: Atlas) -> dict[str, Callable[[], Any]]:
    """What is asked, of the feature that is active in most graphs and of two graphs."""
    return {
        "features show, active in 946 graphs": lambda: atlas.feature("0/0"),
        "features show, active in few": lambda: atlas.feature("3/1000"),
        "features common, two graphs": lambda: atlas.common_features("0001", "0002"),
        "features only, one graph but not another": lambda: atlas.only_features("0001", without=["0002"]),
        "features common, all graphs of the tag": lambda: atlas.common_features(tags=[TAG]),
        "recurring, all graphs of the tag": lambda: atlas.recurring(tags=[TAG]),
        "compare, two graphs": lambda: atlas.compare("0001", "0002"),
    }


def make_graph(seed: int) -> GraphData:
    """A synthetic graph whose features are drawn by popularity: that of rank r about 1 / (r + 1) as often."""
    data = synthesize(replace(_SHAPE, seed=seed), slug=f"{seed:04}")
    index, rng = data.nodes.index.copy(), np.random.default_rng((seed, 3))
    popularity = 1 / (np.arange(_WIDTH) + 1.0)
    popularity /= popularity.sum()
    is_feature = data.nodes.kind == KINDS.index(Kind.FEATURE)
    for layer in range(_SHAPE.layers):
        [features] = np.nonzero(is_feature & (data.nodes.layer == layer))
        index[features] = rng.choice(_WIDTH, len(features), replace=False, p=popularity)
    return replace(data, nodes=replace(data.nodes, index=index))


def markdown(records: list[Record]) -> str:
    """A row for each question; milliseconds."""
    rows = [
        [record["question"], *(milliseconds(record[name]) for name in ("median", "fastest", "slowest"))]
        for record in records
    ]
    heads = [f"{GRAPHS:,} graphs; ms", "median", "fastest", "slowest"]
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True)) + "\n"
