// @internal Nodes that a graph's file calls by given names.
// @param names LIST<STRING> -- what they are called: their `node_id` or `jsNodeId`
// @returns ordinal INTEGER -- the ordinal of a node
// @returns source_id STRING -- its `node_id`
// @returns js_node_id STRING -- its `jsNodeId`
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal) AND (n.source_id IN $names OR n.js_node_id IN $names)
RETURN n.ordinal AS ordinal, n.source_id AS source_id, n.js_node_id AS js_node_id ORDER BY ordinal LIMIT @MAX_ROWS
