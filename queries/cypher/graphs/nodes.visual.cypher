// Some nodes of a graph, in the order of its file, and the strongest direct effects on each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop
WITH n ORDER BY n.ordinal LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)<-[r:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
