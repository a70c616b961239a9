"""The stored form of path tables: rows for the statements of `schema/path_tables.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from circuit_atlas.graph.bounds import PathTables
from circuit_atlas.graph.data import Float64, Int64
from circuit_atlas.schema.limits import BOUNDS_BLOCK

SHORTLIST_BATCH_SIZE = 500  # rows of one statement: each has hundreds of values


def in_blocks(level: Float64) -> list[list[float]]:
    """The bounds of n nodes, (n,), in pieces of BOUNDS_BLOCK. Neo4j reads every array in the time of the longest one
    that the same query has read, so a single long array would make each shortlist slow to read."""
    return [level[i : i + BOUNDS_BLOCK].tolist() for i in range(0, len(level), BOUNDS_BLOCK)]


def bound_rows(best: Float64) -> list[dict[str, Any]]:
    """Rows of `:PathBounds`: `best` of `PathTables`, (hops + 1, n), one row for each number of hops and block."""
    return [
        {"hops": hops, "block": block, "sums": sums}
        for hops, level in enumerate(best)
        for block, sums in enumerate(in_blocks(level))
    ]


def count_rows(counts: Int64) -> list[dict[str, Any]]:
    """Rows of `:PathCounts`: what `walk_counts` returns, (hops + 1, 3, n), one row for each number of hops from 1 on
    and block."""
    return [
        {"hops": hops, "block": i // BOUNDS_BLOCK}
        | {name: limb[i : i + BOUNDS_BLOCK].tolist() for name, limb in zip(("low", "mid", "high"), limbs, strict=True)}
        for hops, limbs in enumerate(counts)
        for i in range(0, limbs.shape[1], BOUNDS_BLOCK)
        if hops > 0
    ]


def shortlist_rows(tables: PathTables, input_sums: Float64) -> Iterator[dict[str, Any]]:
    """Rows of `:PathSteps`, the shortlists of nodes.

    Args:
        tables: path tables with shortlists.
        input_sums: float64 (n,): sum of |weight| over each node's inputs.
    """
    for shortlist in tables.shortlists:
        yield {
            "ordinal": shortlist.ordinal,
            "inputs": shortlist.sources.tolist(),
            "weights": shortlist.weights.tolist(),
            "floors": shortlist.unlisted_best.tolist(),  # the stored name, see schema/properties.py
            "input_sum": float(input_sums[shortlist.ordinal]),
        }
