// @internal Names that several nodes of a graph have, and where two of these nodes have the same layer and position.
// @param named LIST<LIST<STRING>> -- names, each with the graph: [graph, name]
// @returns graph STRING -- the graph's name
// @returns name STRING -- the name
// @returns crowded LIST<LIST<INTEGER>> -- layers and positions at which several nodes have it: [layer, position]
CYPHER 25
UNWIND $named AS at
MATCH (n:Node {graph: at[0], name: at[1]})
WITH n.graph AS graph, n.name AS name, n.layer AS layer, n.position AS position, count(*) AS nodes
WITH graph, name, sum(nodes) AS nodes, collect(CASE WHEN nodes > 1 THEN [layer, position] END) AS crowded
WHERE nodes > 1
RETURN graph, name, crowded ORDER BY graph, name LIMIT @MAX_ROWS
