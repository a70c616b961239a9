// A first picture of a graph: its most probable logits, the strongest inputs of each, and theirs.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'logit:'
WITH n ORDER BY coalesce(n.probability, 0.0) DESC, n.ordinal LIMIT 5
CALL (n) {
  MATCH (n)<-[r:DIRECT_EFFECT]-(m)
  WITH r, m ORDER BY abs(r.weight) DESC, m.ordinal LIMIT 5
  RETURN r, m
}
CALL (m) {
  OPTIONAL MATCH q = (m)<-[s:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(s.weight) DESC LIMIT 3
}
MATCH p = (n)<-[r]-(m)
UNWIND [p, q] AS path
WITH path WHERE path IS NOT NULL
RETURN path LIMIT 300
