"""How the time of a search grows: with edges, with k, with hops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from circuit_atlas import Connection

from benchmarks.peers.atlas_peer import Peer
from benchmarks.worker import repeated, timed

mpl.use("svg")
from matplotlib import pyplot as plt

_K = (10, 30, 100, 300, 1000, 3000, 10_000)
_HOPS = (2, 3, 4, 6, 8, 10, 12)
Points = list[tuple[float, float]]


def measure_growth(connection: Connection, sizes: tuple[str, ...]) -> dict[str, dict[str, Points]]:
    """Seconds of searches: against hops and edges for k = 10 in every graph, against k for 4 hops."""
    against: dict[str, dict[str, Points]] = {"hops": {}, "k": {}, "edges": {}}
    for size in sizes:
        peer = Peer(connection, size)
        edges = peer.graph.stats().edges
        against["hops"][size] = [(hops, _seconds(peer, hops, 10)) for hops in _HOPS]
        against["k"][size] = [(k, _seconds(peer, 4, k)) for k in _K]
        for hops, seconds in against["hops"][size]:
            if hops in (2, 3, 6, 12):
                against["edges"].setdefault(f"{hops} hops", []).append((edges, seconds))
    return against


def _seconds(peer: Peer, hops: int, k: int) -> float:
    first, answer = timed(lambda: peer.best_paths(hops, k))
    median = repeated(lambda: peer.best_paths(hops, k), first, answer).median
    assert median is not None
    return median


def draw(growth: dict[str, Any], path: Path) -> None:
    """Three plots beside each other."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    labels = {"edges": "edges (k = 10)", "k": "k (4 hops)", "hops": "hops (k = 10)"}
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
