// The direct effects among the nodes of a picture, strongest first, as columns.
// @internal
// @param graph STRING -- the graph's name
// @param first INTEGER = 0 -- place in `ordinals` of the first target
// @param stop INTEGER = 1000 -- place after the last target
// @param ordinals LIST<INTEGER> -- ordinals of the nodes of the picture
// @param whole BOOLEAN = false -- whether these are all nodes of the graph
// @param k INTEGER = 100000 -- at most this many
// @returns targets LIST<INTEGER> -- ordinals of the targets
// @returns sources LIST<INTEGER> -- ordinals of the sources
// @returns weights LIST<FLOAT> -- the weights
CYPHER 25
MATCH (t:Node {graph: $graph}) WHERE t.ordinal IN $ordinals[$first..$stop]
MATCH (t)<-[r:DIRECT_EFFECT]-(s) WHERE $whole OR s.ordinal IN $ordinals
WITH t.ordinal AS target, s.ordinal AS source, r.weight AS weight
ORDER BY abs(weight) DESC, target, source LIMIT $k
RETURN collect(target) AS targets, collect(source) AS sources, collect(weight) AS weights
LIMIT 1
