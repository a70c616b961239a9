// @internal The nodes of a graph that its file pins.
// @returns ordinal INTEGER -- the ordinal of one
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal) AND n.pinned
RETURN n.ordinal AS ordinal ORDER BY ordinal LIMIT @MAX_ROWS
