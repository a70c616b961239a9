"""Batches of edges have every edge once, with its own statistics, and whole targets where they fit."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_atlas.graph.data import ArrayEdges, EdgeStatistics
from circuit_atlas.ingest import edge_writer


@pytest.mark.parametrize("per_batch", [1, 7, 100, 5_000])
def test_batches_have_every_edge_once(per_batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_writer, "EDGES_PER_BATCH", per_batch)
    rng = np.random.default_rng(5)
    target, source = np.nonzero(rng.random((80, 80)) < 0.3)
    weight = rng.normal(size=len(target))
    edges = ArrayEdges(target.astype(np.int32), source.astype(np.int32), weight)
    statistics = EdgeStatistics(weight + 1, weight + 2, np.arange(len(weight)), weight + 3)
    found, seen = [], set[int]()
    for batch in edge_writer.edge_batches(edges, statistics):
        assert batch["targets"] == sorted(set(batch["targets"]))
        assert sum(map(len, batch["sources"])) <= per_batch
        assert per_batch < 80 or seen.isdisjoint(batch["targets"])
        seen.update(batch["targets"])
        columns = [batch[name] for name in ("sources", "weights", *EdgeStatistics._fields)]
        for at, *parts in zip(batch["targets"], *columns, strict=True):
            found += [(at, *edge) for edge in zip(*parts, strict=True)]
    wanted = zip(*(column.tolist() for column in (target, source, weight, *statistics)), strict=True)
    assert sorted(found) == sorted(wanted)
