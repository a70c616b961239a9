// Every graph in which a transcoder feature is active, where and how strongly, and its strongest direct effects there.
// @param model STRING -- the language model
// @param source_set STRING -- the set of transcoders
// @param layer INTEGER -- its layer
// @param index INTEGER -- its index in that layer
// @param graphs LIST<STRING> = [] -- only in these graphs and those of `tags`; in all when both are empty
// @param tags LIST<STRING> = [] -- only in graphs with one of these tags, but no collapsed ones and aggregates
// @param k INTEGER = 10 -- in how many graphs, those first in which it has most influence
// @param neighbors INTEGER = 3 -- how many effects each way
// @returns graph STRING -- the graph's name
// @returns node MAP -- its activation there, with activation and influence
// @returns inputs LIST<MAP> -- node and weight of the strongest direct effects on it
// @returns outputs LIST<MAP> -- node and weight of its strongest direct effects
// @returns has_influence BOOLEAN -- whether influence is defined in the graph
// @returns version STRING -- the version of the graph; null if the graph was replaced or deleted while it was read
// @returns total INTEGER -- number of graphs in which it is active, whatever k
CYPHER 25
WITH @names_of($graphs, $tags) AS names, $graphs = [] AND $tags = [] AS in_all
MATCH (f:TranscoderFeature {model: $model, source_set: $source_set, layer: $layer, index: $index})
MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE in_all AND @in_original(n) OR n.graph IN names
WITH f, n.graph AS graph, collect(n) AS nodes, sum(coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, graph
WITH f, collect(nodes) AS found
UNWIND range(0, size(found[..$k]) - 1) AS i
WITH f, size(found) AS total, i, found[i] AS nodes
UNWIND nodes AS n
// First the version, and then whether the node is still that of the graph: so both are of one publish.
OPTIONAL MATCH (g:Graph {name: n.graph})
WITH f, total, i, n, coalesce(g.version, '') AS version, g.completeness_score IS NOT NULL AS has_influence
OPTIONAL MATCH (there:Node {graph: n.graph, key: n.key}) WHERE there = n
WITH f, total, i, n, CASE WHEN there IS NOT NULL THEN version END AS version, has_influence
// result
RETURN n.graph AS graph, n {@node, .activation, .influence} AS node,
  COLLECT {
    MATCH (n)<-[r:DIRECT_EFFECT]-(m) WITH m, r.weight AS weight ORDER BY abs(weight) DESC, m.ordinal LIMIT $neighbors
    RETURN {node: m {@node}, weight: weight} } AS inputs,
  COLLECT {
    MATCH (n)-[r:DIRECT_EFFECT]->(m) WITH m, r.weight AS weight ORDER BY abs(weight) DESC, m.ordinal LIMIT $neighbors
    RETURN {node: m {@node}, weight: weight} } AS outputs,
  has_influence, version, total ORDER BY i, coalesce(n.influence, 0.0) DESC, n.ordinal LIMIT @MAX_ROWS
// visual: A transcoder feature, its activations, and the strongest direct effects on each and of each.
CALL (f, n) {
  MATCH p = (f)<-[:ACTIVATION_OF]-(n) RETURN p
UNION
  MATCH p = (n)<-[r:DIRECT_EFFECT]-(m) RETURN p ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $neighbors
UNION
  MATCH p = (n)-[r:DIRECT_EFFECT]->(m) RETURN p ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $neighbors
}
RETURN p LIMIT 200
