// A node by its key, with everything the database knows of it.
// @param graph STRING -- the graph's name
// @param key STRING -- the node's key, for instance feature:8/37691@6
// @returns node MAP -- the properties of the node
// @returns inputs INTEGER -- number of direct effects on it
// @returns outputs INTEGER -- number of its direct effects on others
// @returns supernodes LIST<STRING> -- supernodes that hold it
// @returns transcoder_feature MAP -- the transcoder feature it is an activation of, null for other kinds
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
RETURN properties(n) AS node,
       COUNT { (n)<-[:DIRECT_EFFECT]-() } AS inputs, COUNT { (n)-[:DIRECT_EFFECT]->() } AS outputs,
       COLLECT { MATCH (s:Supernode)-[:GROUPS]->(n) RETURN s.name ORDER BY s.order LIMIT 100 } AS supernodes,
       head(COLLECT { MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN properties(f) LIMIT 1 })
         AS transcoder_feature
LIMIT 1
