// @internal The circuits of `whole`, as they are in the collapsed graph: each holds what its nodes have become.
// @param whole STRING -- the name of the graph that it was made from
// @param name STRING = null -- only the circuit of this name
// @returns name STRING -- its name
// @returns rule STRING -- how its nodes were chosen, null if they were named
// @returns nodes LIST<MAP> -- supernodes of nodes that it holds, and those of its nodes that are in none
CYPHER 25
MATCH (c:Circuit {graph: $whole}) WHERE @indexed(c.name) AND ($name IS NULL OR c.name = $name)
MATCH (c)-[:HOLDS]->(held)
// A node in several supernodes counts in the last of them.
WITH c, held, head(COLLECT { MATCH (s)-[:GROUPS]->(held) RETURN s.name ORDER BY s.order DESC LIMIT 1 }) AS supernode
WITH c, collect(CASE WHEN supernode IS NULL THEN held.key END) AS keys, collect('supernode/' + supernode) AS ids
RETURN c.name AS name, c.rule AS rule, COLLECT {
  MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal) AND (n.key IN keys OR n.source_id IN ids)
  WITH n ORDER BY n.ordinal LIMIT 10000
  RETURN n {@node, .ordinal}
} AS nodes ORDER BY name LIMIT 10000
