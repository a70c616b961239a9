// @internal The supernodes of a collapsed graph whose members are in several layers.
// @param graph STRING -- the collapsed graph's name
// @returns key STRING -- the key of one
// @returns extra STRING -- further fields in JSON; `layer` is that of the member in the middle
CYPHER 25
MATCH (n:Node {graph: $graph})
WHERE @indexed(n.ordinal) AND n.source_id STARTS WITH 'supernode/' AND n.layer IS NULL AND n.extra IS NOT NULL
RETURN n.key AS key, n.extra AS extra ORDER BY key LIMIT @MAX_SUPERNODES
