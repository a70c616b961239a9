// @internal The supernodes of a collapsed graph whose members are in several layers or positions.
// @returns key STRING -- the key of one
// @returns extra STRING -- further fields in JSON; `layer` and `ctx_idx` are those of the member in the middle
CYPHER 25
MATCH (n:Node {graph: $graph})
WHERE @indexed(n.ordinal) AND n.source_id STARTS WITH 'supernode/' AND (n.layer IS NULL OR n.position IS NULL)
RETURN n.key AS key, n.extra AS extra ORDER BY key LIMIT @MAX_SUPERNODES
