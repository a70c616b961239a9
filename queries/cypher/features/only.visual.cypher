// The transcoder features that are active in the graphs of the one set alone, with their activations.
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
WITH collect(g.name) AS names, count(g) AS wanted
CALL () {
  MATCH (g:Graph) WHERE g.name IN $without AND g.status = 'ready' RETURN g.name AS other
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $without_tags AND g.status = 'ready' RETURN g.name AS other
}
WITH names, wanted, collect(other) AS others
UNWIND [name IN names | [name, false]] + [name IN others | [name, true]] AS row
WITH wanted, row[0] AS name, row[1] AS is_other
MATCH (n:Node {graph: name}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH wanted, f, collect(n) AS nodes, count(DISTINCT name) AS graphs, max(CASE WHEN is_other THEN 1 ELSE 0 END) AS elsewhere
WHERE graphs = wanted AND elsewhere = 0
WITH f, nodes, reduce(sum = 0.0, n IN nodes | sum + coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, f.layer, f.index LIMIT $k
UNWIND nodes AS n
MATCH p = (n)-[:ACTIVATION_OF]->(f)
RETURN p LIMIT 200
