"""Statements that write path tables: `:PathBounds`, `:PathCounts` and `:PathSteps`, the shortlist of a node."""

TOKENS = "tokens"  # the name of the bounds that are made at ingest: all tokens are sources

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
