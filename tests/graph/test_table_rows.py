"""Rows of the stored path tables."""

from __future__ import annotations

import numpy as np

from circuit_atlas.graph.bounds import PathTables
from circuit_atlas.graph.shortlists import Shortlists
from circuit_atlas.graph.table_rows import bound_rows, count_rows, shortlist_rows
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.limits import BOUNDS_BLOCK


def test_bounds_are_stored_in_blocks_of_nodes() -> None:
    best = np.arange(2 * (BOUNDS_BLOCK + 3), dtype=np.float64).reshape(2, -1)
    rows = bound_rows(best)
    assert [(row["hops"], row["block"], len(row["sums"])) for row in rows] == [
        (0, 0, BOUNDS_BLOCK),
        (0, 1, 3),
        (1, 0, BOUNDS_BLOCK),
        (1, 1, 3),
    ]
    assert [value for row in rows for value in row["sums"]] == best.ravel().tolist()


def test_counts_are_stored_by_limb_without_paths_of_no_hops() -> None:
    counts = np.arange(2 * 3 * (BOUNDS_BLOCK + 1)).reshape(2, 3, -1)
    rows = count_rows(counts)
    assert [(row["hops"], row["block"]) for row in rows] == [(1, 0), (1, 1)]
    for limb, name in enumerate(("low", "mid", "high")):
        assert [value for row in rows for value in row[name]] == counts[1, limb].tolist()


def test_a_shortlist_is_a_row() -> None:
    shortlists = Shortlists()
    for ordinal in (3, 1):
        shortlists.add(ordinal, np.array([0, 2], np.int32), np.array([1.5, -2.0]), np.array([0.5, -np.inf]))
    rows = list(shortlist_rows(PathTables(np.zeros((1, 4)), shortlists), np.array([0.0, 7.0, 0.0, 9.0])))
    assert rows == [
        {"ordinal": i, "inputs": [0, 2], "weights": [1.5, -2.0], "floors": [0.5, -np.inf], "input_sum": total}
        for i, total in ((3, 9.0), (1, 7.0))
    ]


def test_batches_are_all_rows_some_at_a_time() -> None:
    rows = [{"i": i} for i in range(5)]
    assert list(batches(iter(rows), 2)) == [rows[:2], rows[2:4], rows[4:]]
    assert list(batches([], 2)) == []
