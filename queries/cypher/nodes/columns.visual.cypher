// The most influential nodes of a graph, and the strongest direct effects on each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
WITH n ORDER BY coalesce(n.influence, 0.0) DESC, n.ordinal LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)<-[r:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
