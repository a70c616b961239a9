// The supernodes of a graph: what each groups, and who made it.
// @param name STRING = null -- only the supernode of this name
// @returns name STRING -- its name
// @returns source STRING -- file, hand or rule
// @returns rule STRING -- the rule that made it, null for others
// @returns order INTEGER -- its place among those of its graph: a node in several counts in the last
// @returns members LIST<MAP> -- the nodes it groups, in the order of the graph's file
CYPHER 25
MATCH (s:Supernode {graph: $graph}) WHERE @indexed(s.name) AND ($name IS NULL OR s.name = $name)
WITH s ORDER BY s.order LIMIT @MAX_SUPERNODES
// result
RETURN s.name AS name, s.source AS source, s.rule AS rule, s.order AS order, COLLECT {
  MATCH (s)-[:GROUPS]->(n:Node) WITH n ORDER BY n.ordinal LIMIT @MAX_ROWS RETURN n {@node, .ordinal}
} AS members ORDER BY order LIMIT @MAX_SUPERNODES
// visual: The supernodes of a graph, and what each groups.
MATCH p = (s)-[:GROUPS]->() RETURN p ORDER BY s.order LIMIT 300
