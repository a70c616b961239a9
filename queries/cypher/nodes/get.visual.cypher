// A node with its strongest direct effects each way, its supernodes, and its transcoder feature.
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
CALL (n) {
  MATCH p = (n)<-[r:DIRECT_EFFECT]-()
  RETURN p ORDER BY abs(r.weight) DESC LIMIT 5
UNION ALL
  MATCH p = (n)-[r:DIRECT_EFFECT]->()
  RETURN p ORDER BY abs(r.weight) DESC LIMIT 5
UNION ALL
  MATCH p = (n)<-[:GROUPS]-()
  RETURN p LIMIT 5
UNION ALL
  MATCH p = (n)-[:ACTIVATION_OF]->()
  RETURN p LIMIT 1
UNION ALL
  MATCH p = (n)
  RETURN p LIMIT 1
}
RETURN p LIMIT 20
