// @internal The direct effects of graphs as columns of bytes; :EdgeColumns says what they contain.
// @param graphs LIST<STRING> -- names of graphs, at most 100, each once
// @param first INTEGER = 0 -- number of the first block of each
// @param stop INTEGER = 8 -- number after the last block
// @returns graph STRING -- the graph's name
// @returns content_hash STRING -- the content hash of the graph that they are of
// @returns first INTEGER -- ordinal of the first target
// @returns inputs BYTES -- number of effects on each target
// @returns sources BYTES -- ordinals of the sources
// @returns source_type STRING -- their dtype
// @returns weights BYTES -- the weights
// @returns weight_type STRING -- their dtype
// @returns has_extras BOOLEAN -- whether any of these effects has further fields
CYPHER 25
UNWIND $graphs AS graph
MATCH (c:EdgeColumns {graph: graph}) WHERE $first <= c.block < $stop
RETURN graph, c.content_hash AS content_hash, c.first AS first, c.inputs AS inputs, c.sources AS sources,
       c.source_type AS source_type, c.weights AS weights, c.weight_type AS weight_type, c.has_extras AS has_extras
ORDER BY graph, c.block LIMIT 1000
