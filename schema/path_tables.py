"""Statements that write path tables: bounds (`:PathBounds`), shortlists (`:PathSteps`) and counts (`:PathCounts`).

Tables for paths from all tokens are written at ingest. Bounds and shortlists for other sources are computed when a
query needs them and cached under a hash of the query as `sources`, by whoever may write.
"""

from __future__ import annotations

TOKENS = "tokens"  # `sources` of the tables that are made at ingest: paths begin at all tokens

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

HAS_CACHED_BOUNDS = """CYPHER 25
MATCH (b:PathBounds {graph: $graph, sources: $sources, sign: $sign, hops: 0, block: 0})
RETURN count(b) > 0 AS cached
"""

CACHE_SHORTLISTS = """CYPHER 25
UNWIND $rows AS row
MERGE (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: row.ordinal})
SET s.inputs = row.inputs, s.weights = row.weights, s.floors = row.floors, s.input_sum = row.input_sum
"""

# Bounds are written after shortlists, so tables are complete when their bounds exist. Of more than `max_cached` tables,
# the oldest are deleted.
CACHE_BOUNDS = f"""CYPHER 25
CALL () {{
  UNWIND $rows AS row
  MERGE (b:PathBounds {{graph: $graph, sources: $sources, sign: $sign, hops: row.hops, block: row.block}})
  SET b.sums = row.sums, b.kept_at = timestamp()
}}
CALL () {{
  MATCH (b:PathBounds {{graph: $graph}})
  WHERE b.sources <> '{TOKENS}' AND b.sign IS NOT NULL AND b.hops >= 0 AND b.block >= 0
  WITH b.sources AS sources, b.sign AS sign, max(b.kept_at) AS kept_at
  ORDER BY kept_at DESC, sources SKIP $max_cached
  MATCH (b:PathBounds {{graph: $graph, sources: sources, sign: sign}}) WHERE b.hops >= 0 AND b.block >= 0
  WITH sources, sign, collect(b) AS bounds
  OPTIONAL MATCH (s:PathSteps {{graph: $graph, sources: sources, sign: sign}}) WHERE s.ordinal >= 0
  WITH bounds, collect(s) AS shortlists
  FOREACH (b IN bounds | DELETE b)
  FOREACH (s IN shortlists | DELETE s)
}}
"""
