"""Rows of the stored path tables: `:PathBounds` and `:PathCounts`, by number of hops and block of nodes, and
`:PathSteps`, the shortlist of a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from circuit_atlas.graph.bounds import PathTables
from circuit_atlas.graph.data import Float64, Int64
from circuit_atlas.schema.limits import BOUNDS_BLOCK

ROWS_AT_ONCE = 2_000
STEPS_AT_ONCE = 500  # rows of hundreds of values each


def blocks(level: Float64) -> list[list[float]]:
    """A row of bounds in pieces of BOUNDS_BLOCK. Neo4j reads each array in the time of the longest one that the
    same query has read, so that one long array makes every shortlist slow."""
    return [level[i : i + BOUNDS_BLOCK].tolist() for i in range(0, len(level), BOUNDS_BLOCK)]


def bound_rows(best: Float64) -> list[dict[str, Any]]:
    """Rows of `:PathBounds`: the level of each number of hops, in blocks of nodes."""
    return [
        {"hops": hops, "block": block, "sums": sums}
        for hops, level in enumerate(best)
        for block, sums in enumerate(blocks(level))
    ]


def count_rows(counts: Int64) -> list[dict[str, Any]]:
    """Rows of `:PathCounts`: for each number of hops, the three limbs of `path_counts`, in blocks of nodes."""
    return [
        {"hops": hops, "block": i // BOUNDS_BLOCK}
        | {name: limb[i : i + BOUNDS_BLOCK].tolist() for name, limb in zip(("low", "mid", "high"), limbs, strict=True)}
        for hops, limbs in enumerate(counts)
        for i in range(0, limbs.shape[1], BOUNDS_BLOCK)
        if hops > 0
    ]


def step_rows(tables: PathTables, input_sums: Float64) -> Iterator[dict[str, Any]]:
    """Rows of `:PathSteps`."""
    for shortlist in tables.shortlists:
        yield {
            "ordinal": shortlist.ordinal,
            "inputs": shortlist.sources.tolist(),
            "weights": shortlist.weights.tolist(),
            "floors": shortlist.floors.tolist(),
            "input_sum": float(input_sums[shortlist.ordinal]),
        }


def batches(rows: Iterable[dict[str, Any]], size: int = ROWS_AT_ONCE) -> Iterator[list[dict[str, Any]]]:
    """Rows, some at a time."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
