// @internal The nodes of a picture: those asked for by key, then tokens and logits, then those with the most influence.
// @param keys LIST<STRING> = [] -- nodes to include whatever their influence
// @param k INTEGER = 2000 -- at most this many
// @returns node MAP -- the node and its values
// @returns explanation STRING -- of its transcoder feature, when there is one
// @returns supernodes LIST<STRING> -- the supernodes that it is in
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n ORDER BY n.key IN $keys DESC, n.key STARTS WITH 'token:' OR n.key STARTS WITH 'logit:' DESC,
                coalesce(n.influence, 1 - n.cumulative_influence, 0.0) DESC, n.ordinal LIMIT $k
RETURN n {@node, .ordinal, .token, .activation, .influence, .probability, .pinned} AS node,
       head(COLLECT { MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN f.explanation LIMIT 1 }) AS explanation,
       COLLECT { MATCH (n)<-[:GROUPS]-(s:Supernode) RETURN s.name ORDER BY s.order LIMIT 100 } AS supernodes
ORDER BY node.ordinal LIMIT @MAX_ROWS
