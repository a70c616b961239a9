// @internal The explanations of the transcoder features that some nodes of a graph are activations of, where there are
// any.
// @returns key STRING -- the node's key
// @returns explanation STRING -- the explanation that names it
// @returns explanations LIST<STRING> -- all explanations
// @returns sources LIST<STRING> -- where each comes from
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @in_part(n)
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) WHERE f.explanation IS NOT NULL
RETURN n.key AS key, f.explanation AS explanation, coalesce(f.explanations, []) AS explanations,
       coalesce(f.explanation_sources, []) AS sources
ORDER BY n.ordinal LIMIT @MAX_ROWS
