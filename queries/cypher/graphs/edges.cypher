// @internal The direct effects on some nodes with all that is known of each, as columns.
// @returns target INTEGER -- ordinal of a target
// @returns sources LIST<INTEGER> -- ordinals of its inputs
// @returns weights LIST<FLOAT> -- the weights of their effects
// @returns extras LIST<LIST> -- ordinals of inputs and further fields, as JSON, of effects that have any
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE @in_part(target)
MATCH (target)<-[r:DIRECT_EFFECT]-(source)
WITH target.ordinal AS target, source.ordinal AS source, r.weight AS weight, r.extra AS extra
WITH target, collect(coalesce(source, -1)) AS sources, collect(coalesce(weight, 0.0)) AS weights,
     collect(CASE WHEN extra IS NOT NULL THEN [source, extra] END) AS extras
RETURN target, sources, weights, extras ORDER BY target LIMIT @MAX_ROWS
