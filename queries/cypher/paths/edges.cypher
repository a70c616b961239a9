// The direct effects on some nodes, as columns, with values for them in place of the weights.
// @internal
// @param graph STRING -- the graph's name
// @param first INTEGER = 0 -- ordinal of the first target
// @param stop INTEGER = 1000 -- ordinal after the last target
// @returns target INTEGER -- ordinal of a target
// @returns sources LIST<INTEGER> -- ordinals of its inputs
// @returns weights LIST<FLOAT> -- the values of their effects: the weights, or an expression of the user's
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE $first <= target.ordinal < $stop
MATCH (target)<-[r:DIRECT_EFFECT]-(source)
WITH target, source, r.weight AS weight, target.input_sum AS input_sum
WITH target, collect(source.ordinal) AS sources, collect(/* edge value */ weight) AS weights
RETURN target.ordinal AS target, sources, weights
ORDER BY target LIMIT 100000
