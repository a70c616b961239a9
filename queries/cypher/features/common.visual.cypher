// The transcoder features that are active in every graph of the set, with their activations.
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
WITH collect(g.name) AS names, count(g) AS wanted
UNWIND names AS name
MATCH (n:Node {graph: name}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH wanted, f, collect(n) AS nodes, count(DISTINCT name) AS graphs
WHERE graphs = wanted
WITH f, nodes, reduce(sum = 0.0, n IN nodes | sum + coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, f.layer, f.index LIMIT $k
UNWIND nodes AS n
MATCH p = (n)-[:ACTIVATION_OF]->(f)
RETURN p LIMIT 200
