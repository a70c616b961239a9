// A node by its key, with everything the database knows about it.
// @param key STRING -- the node's key, for instance feature:8/37691@6
// @returns node MAP -- the properties of the node
// @returns inputs INTEGER -- number of direct effects on it
// @returns outputs INTEGER -- number of its direct effects on others
// @returns supernodes LIST<STRING> -- the supernodes that it is in
// @returns transcoder_feature MAP -- the transcoder feature it is an activation of, null for other kinds
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
// result
RETURN properties(n) AS node,
       COUNT { (n)<-[:DIRECT_EFFECT]-() } AS inputs, COUNT { (n)-[:DIRECT_EFFECT]->() } AS outputs,
       COLLECT { MATCH (s:Supernode)-[:GROUPS]->(n) RETURN s.name ORDER BY s.order LIMIT 100 } AS supernodes,
       head(COLLECT { MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN properties(f) LIMIT 1 })
         AS transcoder_feature
LIMIT 1
// visual: A node with its strongest direct effects each way, its supernodes, and its transcoder feature.
CALL (n) {
  MATCH p = (n)<-[r:DIRECT_EFFECT]-() RETURN p ORDER BY abs(r.weight) DESC LIMIT 5
UNION ALL
  MATCH p = (n)-[r:DIRECT_EFFECT]->() RETURN p ORDER BY abs(r.weight) DESC LIMIT 5
UNION ALL
  MATCH p = (n)<-[:GROUPS]-() RETURN p LIMIT 5
UNION ALL
  MATCH p = (n)-[:ACTIVATION_OF]->() RETURN p LIMIT 1
UNION ALL
  MATCH p = (n) RETURN p LIMIT 1
}
RETURN p LIMIT 20
