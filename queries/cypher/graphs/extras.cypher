// @internal The direct effects on some nodes that have further fields.
// @returns target INTEGER -- ordinal of a target
// @returns source INTEGER -- ordinal of a source
// @returns extra STRING -- the fields, as JSON
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE @in_part(target)
MATCH (target)<-[r:DIRECT_EFFECT]-(source) WHERE r.extra IS NOT NULL
RETURN target.ordinal AS target, source.ordinal AS source, r.extra AS extra ORDER BY target, source LIMIT @MAX_ROWS
