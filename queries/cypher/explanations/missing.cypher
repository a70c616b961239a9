// @internal The features of graphs that Neuronpedia was not asked about yet, or not since a date, the most influential
// first.
// @param graphs LIST<STRING> -- the graphs' names
// @param source_sets LIST<LIST<STRING>> -- only features of these models and source sets
// @param before STRING = "1970-01-01T00:00:00Z" -- also those that it was last asked about before, ISO 8601
// @param k INTEGER = 100 -- how many
// @returns feature MAP -- model, source_set, component, layer, index and explanation of the transcoder feature
CYPHER 25
UNWIND $graphs AS graph
MATCH (n:Node {graph: graph}) WHERE @indexed(n.ordinal)
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WHERE [f.model, f.source_set] IN $source_sets AND (f.fetched_at IS NULL OR f.fetched_at < datetime($before))
WITH f, max(coalesce(n.influence, 0.0)) AS influence
RETURN f {@feature} AS feature ORDER BY influence DESC, f.model, f.source_set, f.layer, f.index LIMIT $k
