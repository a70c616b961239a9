// Where a feature is active in a graph.
// @internal
// @param graph STRING -- the graph's name
// @param feature STRING -- the key of the feature's nodes without the position, for instance feature:8/37691
// @returns key STRING -- the key of a node
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH $feature + '@'
RETURN n.key AS key ORDER BY n.position LIMIT 100000
