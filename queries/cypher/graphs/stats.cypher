// What a graph is, how large it is, and which logits it explains with which probabilities.
// @param graph STRING -- the graph's name
// @returns graph MAP -- the properties of the graph
// @returns logits LIST<MAP> -- its logits, most probable first, at most 100
CYPHER 25
MATCH (g:Graph {name: $graph}) WHERE g.status = 'ready'
CALL () {
  MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'logit:'
  WITH n ORDER BY coalesce(n.probability, 0.0) DESC, n.ordinal LIMIT 100
  RETURN collect(n {.key, .name, .layer, .position, .index, .source_id, .probability, .token}) AS logits
}
RETURN properties(g) AS graph, logits
