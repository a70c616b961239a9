"""How the time of a search grows: with edges, with k, with hops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from tabulate import tabulate

from benchmarks.cases import K, graph_of
from benchmarks.peers.atlas_peer import Peer
from benchmarks.report import milliseconds
from benchmarks.worker import repeated, timed
from circuit_atlas import Atlas, Connection
from circuit_atlas.ingest import load_graph

mpl.use("svg")
from matplotlib import pyplot as plt

_K = (10, 30, 100, 300, 1000, 3000, 10_000)
_HOPS = (2, 3, 4, 6, 8, 10, 12)
_FEW_HOPS = (2, 3, 6, 12)
_K_HOPS = 6  # of the paths whose number grows
Points = list[tuple[float, float]]


def measure_growth(connection: Connection, sizes: tuple[str, ...]) -> dict[str, dict[str, Points]]:
    """Seconds of searches, after ingesting the graphs: against hops and edges for k = 10, against k for 6 hops.

    `one token` is against hops, with one token in the middle of the prompt as the only source; at 0 hops, the first
    time that it is one, when its bounds are made.
    """
    against: dict[str, dict[str, Points]] = {"hops": {}, "k": {}, "edges": {}, "one token": {}}
    for size in sizes:
        data = graph_of(size)
        with Atlas(connection) as atlas:
            load_graph(atlas, data, name=size)
        peer = Peer(connection, size)
        against["hops"][size] = [(hops, _seconds(peer, hops)) for hops in _HOPS]
        against["k"][size] = [(k, _seconds(peer, _K_HOPS, k)) for k in _K]
        for hops, seconds in against["hops"][size]:
            if hops in _FEW_HOPS:
                against["edges"].setdefault(f"{hops} hops", []).append((len(data.edges), seconds))
        against["one token"][size] = _from_one_token(peer)
    return against


def _from_one_token(peer: Peer) -> Points:
    tokens = [key for key in peer.place if key.startswith("token:")]
    source = (tokens[len(tokens) // 2],)
    first, _ = timed(lambda: peer.best_paths(_K_HOPS, sources=source))
    return [(0, first), *((hops, _seconds(peer, hops, sources=source)) for hops in _FEW_HOPS)]


def _seconds(peer: Peer, hops: int, k: int = K, sources: tuple[str, ...] = ()) -> float:
    first, answer = timed(lambda: peer.best_paths(hops, k, sources))
    median = repeated(lambda: peer.best_paths(hops, k, sources), first, answer).median
    assert median is not None
    return median


def markdown(growth: dict[str, Any]) -> str:
    """A row for each search, a column for each graph; milliseconds."""
    rows: dict[str, list[str]] = {}
    for points in growth["hops"].values():
        for hops, seconds in points:
            rows.setdefault(f"{hops} hops", []).append(milliseconds(seconds))
    for points in growth["k"].values():
        for k, seconds in points:
            rows.setdefault(f"{_K_HOPS} hops, k = {k:,}", []).append(milliseconds(seconds))
    for points in growth["one token"].values():
        for hops, seconds in points:
            what = f"{hops} hops" if hops else "first question"
            rows.setdefault(f"from one token, {what}", []).append(milliseconds(seconds))
    edges = next(iter(growth["edges"].values()))
    heads = ["ms; k = 10 where not said otherwise", *(f"{n:,} edges" for n, _ in edges)]
    table = [[name, *cells] for name, cells in rows.items()]
    return str(tabulate(table, heads, tablefmt="github", disable_numparse=True)) + "\n"


def draw(growth: dict[str, Any], path: Path) -> None:
    """Three plots beside each other."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    labels = {"edges": "edges (k = 10)", "k": f"k ({_K_HOPS} hops)", "hops": "hops (k = 10)"}
    for axis, (name, label) in zip(axes, labels.items(), strict=True):
        for line, points in growth[name].items():
            axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=line)
        axis.set(xlabel=label, ylabel="milliseconds" if axis is axes[0] else "")
        axis.set_xscale("linear" if name == "hops" else "log")
        axis.set_yscale("log" if name == "k" else "linear")
        axis.yaxis.set_major_formatter(lambda seconds, _: f"{seconds * 1000:g}")
        axis.set_ylim(bottom=None if name == "k" else 0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.savefig(path)
    plt.close(figure)
