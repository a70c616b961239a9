"""Statements that write path tables: bounds (`:PathBounds`), shortlists (`:PathSteps`) and counts (`:PathCounts`).

They are written at ingest, for paths from all tokens. For other paths, bounds are computed when a question needs them,
and not kept.
"""

from __future__ import annotations

TOKENS = "tokens"  # their `sources`: paths begin at all tokens

WRITE_BOUNDS = """CYPHER 25
UNWIND $rows AS row
MERGE (b:PathBounds {graph: $graph, sources: row.sources, sign: row.sign, hops: row.hops, block: row.block})
SET b.sums = row.sums
"""

WRITE_SHORTLISTS = """CYPHER 25
UNWIND $rows AS row
MERGE (s:PathSteps {graph: $graph, sources: row.sources, sign: row.sign, ordinal: row.ordinal})
SET s.inputs = row.inputs, s.weights = row.weights, s.floors = row.floors, s.input_sum = row.input_sum
"""

WRITE_COUNTS = """CYPHER 25
UNWIND $rows AS row
MERGE (c:PathCounts {graph: $graph, hops: row.hops, block: row.block})
SET c.low = row.low, c.mid = row.mid, c.high = row.high
"""
