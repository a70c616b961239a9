// The transcoder features that recur in most graphs, each with its most influential activations.
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
UNION
  WITH 1 AS every WHERE $graphs = [] AND $tags = []
  MATCH (g:Graph) WHERE g.name IS NOT NULL AND g.status = 'ready' AND g.collapsed_from IS NULL RETURN g
}
WITH collect(g.name) AS names, count(g) AS of
UNWIND names AS name
MATCH (n:Node {graph: name}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH of, f, collect(n) AS nodes, count(DISTINCT name) AS graphs, sum(coalesce(n.influence, 0.0)) AS influence
WHERE graphs >= 2 AND graphs >= $share * of
WITH of, f, nodes, graphs, influence / graphs AS influence
ORDER BY graphs DESC, influence DESC, f.model, f.source_set, f.layer, f.index LIMIT $k
CALL (nodes) {
  UNWIND nodes AS n
  RETURN n ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 5
}
MATCH p = (f)<-[:ACTIVATION_OF]-(n)
RETURN p LIMIT 200
