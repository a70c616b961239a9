// @internal Some nodes of a graph with all that is known of each, in the order of its file.
// @returns ordinal INTEGER -- a node's place in the file
// @returns labels LIST<STRING> -- its labels
// @returns properties MAP -- its properties
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @in_part(n)
RETURN n.ordinal AS ordinal, labels(n) AS labels, properties(n) AS properties ORDER BY ordinal LIMIT @MAX_ROWS
