// The circuits of a graph: what nodes each holds, and how they were chosen.
// @param name STRING = null -- only the circuit of this name
// @returns name STRING -- its name
// @returns rule STRING -- how its nodes were chosen, null if they were named
// @returns nodes LIST<MAP> -- the nodes it holds, in the order of the graph's file
CYPHER 25
MATCH (c:Circuit {graph: $graph}) WHERE @indexed(c.name) AND ($name IS NULL OR c.name = $name)
WITH c ORDER BY c.name LIMIT 10000
// result
RETURN c.name AS name, c.rule AS rule, COLLECT {
  MATCH (c)-[:HOLDS]->(n:Node) WITH n ORDER BY n.ordinal LIMIT @MAX_ROWS RETURN n {@node, .ordinal}
} AS nodes ORDER BY name LIMIT 10000
// visual: The circuits of a graph, what each holds, and the direct effects between these nodes.
MATCH (c)-[:HOLDS]->(target)
CALL (c, target) {
  OPTIONAL MATCH effect = (target)<-[r:DIRECT_EFFECT]-(source) WHERE EXISTS { (c)-[:HOLDS]->(source) }
  RETURN effect ORDER BY abs(r.weight) DESC LIMIT 5
}
MATCH held = (c)-[:HOLDS]->(target) RETURN coalesce(effect, held) AS p LIMIT 300
