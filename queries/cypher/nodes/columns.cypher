// @internal All nodes of a graph as columns, in the order of its file.
// @returns keys LIST<STRING> -- their keys
// @returns layers LIST<INTEGER> -- their layers, -1 for tokens and logits
// @returns positions LIST<INTEGER> -- their positions
// @returns input_sums LIST<FLOAT> -- the sum of |weight| of the inputs of each
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n ORDER BY n.ordinal LIMIT @MAX_ROWS
RETURN collect(n.key) AS keys, collect(coalesce(n.layer, -1)) AS layers, collect(coalesce(n.position, -1)) AS positions,
       collect(coalesce(n.input_sum, 0.0)) AS input_sums
