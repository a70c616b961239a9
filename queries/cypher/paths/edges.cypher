// The direct effects on some nodes, as columns.
// @param graph STRING -- the graph's name
// @param first INTEGER = 0 -- ordinal of the first target
// @param stop INTEGER = 1000 -- ordinal after the last target
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @returns target INTEGER -- ordinal of a target
// @returns sources LIST<INTEGER> -- ordinals of its inputs
// @returns weights LIST<FLOAT> -- the weights of their effects
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE $first <= target.ordinal < $stop
MATCH (target)<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
WITH target, source, r.weight AS weight, target.input_sum AS input_sum
WITH target, collect(source.ordinal) AS sources, collect(/* edge value */ weight) AS weights
RETURN target.ordinal AS target, sources, weights
ORDER BY target LIMIT 100000
