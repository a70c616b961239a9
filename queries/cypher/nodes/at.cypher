// @internal Nodes of a graph by their ordinals.
// @param ordinals LIST<INTEGER> -- the ordinals
// @returns ordinal INTEGER -- one of them
// @returns node MAP -- the node
CYPHER 25
UNWIND $ordinals AS ordinal
MATCH (n:Node {graph: $graph, ordinal: ordinal})
RETURN ordinal, n {@node} AS node ORDER BY ordinal LIMIT @MAX_ROWS
