"""How path tables are stored: `:PathBounds` and `:PathCounts`, by number of hops and block of nodes; and
`:PathSteps`, the shortlist of a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from circuit_atlas.arrays.bounds import PathTables
from circuit_atlas.arrays.graph_data import Float64, Int64
from circuit_atlas.schema.limits import BOUNDS_BLOCK

TOKENS = "tokens"  # the name of the bounds that are made at ingest: all tokens are sources
ROWS_AT_ONCE = 2_000
STEPS_AT_ONCE = 500  # rows of hundreds of values each

BOUNDS = """CYPHER 25
UNWIND $rows AS row
MERGE (b:PathBounds {graph: $graph, sources: row.sources, sign: row.sign, hops: row.hops, block: row.block})
SET b.sums = row.sums
"""

COUNTS = """CYPHER 25
UNWIND $rows AS row
MERGE (c:PathCounts {graph: $graph, hops: row.hops, block: row.block})
SET c.low = row.low, c.mid = row.mid, c.high = row.high
"""

STEPS = """CYPHER 25
UNWIND $rows AS row
MERGE (s:PathSteps {graph: $graph, sources: row.sources, sign: row.sign, ordinal: row.ordinal})
SET s.inputs = row.inputs, s.weights = row.weights, s.floors = row.floors, s.input_sum = row.input_sum
"""

KEPT = """CYPHER 25
MATCH (b:PathBounds {graph: $graph, sources: $sources, sign: $sign, hops: 0, block: 0})
RETURN count(b) > 0 AS kept
"""

# Only while the graph is the one that the tables were made of.
KEEP_STEPS = """CYPHER 25
MATCH (:Graph {name: $graph, content_hash: $content, status: 'ready'})
UNWIND $rows AS row
MERGE (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: row.ordinal})
SET s.inputs = row.inputs, s.weights = row.weights, s.floors = row.floors, s.input_sum = row.input_sum
"""

# Bounds come last: tables are there when they are. The oldest tables make room.
KEEP_BOUNDS = """CYPHER 25
MATCH (:Graph {name: $graph, content_hash: $content, status: 'ready'})
CALL () {
  UNWIND $rows AS row
  MERGE (b:PathBounds {graph: $graph, sources: $sources, sign: $sign, hops: row.hops, block: row.block})
  SET b.sums = row.sums, b.kept_at = timestamp()
}
CALL () {
  MATCH (b:PathBounds {graph: $graph})
  WHERE b.sources <> 'tokens' AND b.sign IS NOT NULL AND b.hops >= 0 AND b.block >= 0
  WITH b.sources AS sources, b.sign AS sign, max(b.kept_at) AS kept_at
  ORDER BY kept_at DESC, sources SKIP $most
  MATCH (b:PathBounds {graph: $graph, sources: sources, sign: sign}) WHERE b.hops >= 0 AND b.block >= 0
  WITH sources, sign, collect(b) AS bounds
  OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: sources, sign: sign}) WHERE s.ordinal >= 0
  WITH bounds, collect(s) AS steps
  FOREACH (b IN bounds | DELETE b)
  FOREACH (s IN steps | DELETE s)
}
RETURN count(*) AS kept
"""


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
