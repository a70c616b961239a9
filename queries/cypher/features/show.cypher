// Every graph in which a transcoder feature is active, where and how strongly, and its strongest direct effects there;
// without graphs and tags, of all but those collapsed by supernodes.
// @param model STRING -- the language model
// @param source_set STRING -- the set of transcoders
// @param layer INTEGER -- its layer
// @param index INTEGER -- its index in that layer
// @param graphs LIST<STRING> = [] -- only in these graphs
// @param tags LIST<STRING> = [] -- only in graphs of these tags
// @param k INTEGER = 10 -- in how many graphs, those first in which it has most influence
// @param neighbors INTEGER = 3 -- how many effects each way
// @returns graph STRING -- the graph's name
// @returns node MAP -- its activation there, with activation and influence
// @returns inputs LIST<MAP> -- node and weight of the strongest direct effects on it
// @returns outputs LIST<MAP> -- node and weight of its strongest direct effects
// @returns total INTEGER -- number of graphs in which it is active, whatever k
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
WITH collect(g.name) AS names
MATCH (f:TranscoderFeature {model: $model, source_set: $source_set, layer: $layer, index: $index})
MATCH (f)<-[:ACTIVATION_OF]-(n:Node)
WHERE CASE WHEN $graphs = [] AND $tags = [] THEN NOT (n.graph CONTAINS '~' OR n.graph ENDS WITH ':collapsed') ELSE n.graph IN names END
WITH n.graph AS graph, collect(n) AS nodes, sum(coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, graph
WITH collect([graph, nodes]) AS found
UNWIND range(0, size(found[..$k]) - 1) AS place
WITH size(found) AS total, place, found[place][0] AS graph, found[place][1] AS nodes
UNWIND nodes AS n
RETURN graph, n {.key, .name, .layer, .position, .index, .source_id, .activation, .influence} AS node,
  COLLECT {
    MATCH (n)<-[r:DIRECT_EFFECT]-(m) WITH m, r.weight AS weight ORDER BY abs(weight) DESC, m.ordinal LIMIT $neighbors
    RETURN {node: m {.key, .name, .layer, .position, .index, .source_id}, weight: weight} } AS inputs,
  COLLECT {
    MATCH (n)-[r:DIRECT_EFFECT]->(m) WITH m, r.weight AS weight ORDER BY abs(weight) DESC, m.ordinal LIMIT $neighbors
    RETURN {node: m {.key, .name, .layer, .position, .index, .source_id}, weight: weight} } AS outputs,
  total
ORDER BY place, coalesce(n.influence, 0.0) DESC, n.ordinal LIMIT 1000
