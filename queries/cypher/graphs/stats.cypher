// What a graph is, how large it is, and which logits it explains with which probabilities.
// @returns graph MAP -- the properties of the graph
// @returns logits LIST<MAP> -- its logits, most probable first, at most 100; in an aggregate the target
CYPHER 25
MATCH (g:Graph {name: $graph}) WHERE g.status = 'ready'
CALL () {
  MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'logit:'
  WITH n ORDER BY n.key = 'logit:others', coalesce(n.probability, 0.0) DESC, n.ordinal LIMIT 100
  RETURN collect(n) AS logits
}
// result
RETURN properties(g) AS graph, [n IN logits | n {@node, .probability, .token}] AS logits
// visual: A first picture of a graph: its most probable logits, the strongest inputs of each, and theirs.
UNWIND logits[..5] AS n
CALL (n) {
  MATCH (n)<-[r:DIRECT_EFFECT]-(m)
  WITH r, m ORDER BY abs(r.weight) DESC, m.ordinal LIMIT 5
  RETURN r, m
}
CALL (m) {
  OPTIONAL MATCH q = (m)<-[s:DIRECT_EFFECT]-() RETURN q ORDER BY abs(s.weight) DESC LIMIT 3
}
MATCH p = (n)<-[r]-(m)
UNWIND [p, q] AS path
WITH path WHERE path IS NOT NULL
RETURN path LIMIT 300
