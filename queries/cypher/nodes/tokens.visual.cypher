// The tokens of a graph's prompt, and the strongest direct effects of each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'token:'
WITH n ORDER BY n.ordinal LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)-[r:DIRECT_EFFECT]->()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
