// The nodes of a graph that its file pins.
// @internal
// @param graph STRING -- the graph's name
// @returns ordinal INTEGER -- the ordinal of one
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal) AND n.pinned
RETURN n.ordinal AS ordinal ORDER BY ordinal LIMIT 100000
