// @internal Properties of all nodes of a graph that are numbers, as columns in the order of its file.
// @param names LIST<STRING> -- the properties
// @returns name STRING -- a property
// @returns values LIST<FLOAT> -- its value at each node, NaN where a node has none
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n ORDER BY n.ordinal LIMIT @MAX_ROWS
WITH collect(n) AS nodes
UNWIND $names AS name
RETURN name, [n IN nodes | coalesce(toFloat(n[name]), NaN)] AS values LIMIT 100
