// The two-hop motifs that recur in most graphs, each as it is in one of them.
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
ORDER BY graphs DESC, influence DESC, f.model, f.source_set, f.layer, f.index LIMIT 100
UNWIND nodes AS n
CALL (n) {
  MATCH (n)<-[r:DIRECT_EFFECT]-(m:Feature)
  RETURN m AS source, r.weight AS weight_in ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $width
}
CALL (n) {
  MATCH (n)-[r:DIRECT_EFFECT]->(m:Feature|Logit)
  RETURN m AS target, r.weight AS weight_out ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $width
}
WITH of, f, split(source.key, '@')[0] AS first, split(target.key, '@')[0] AS last, n, source, target, weight_in, weight_out
WITH of, f, first, last, count(DISTINCT n.graph) AS graphs, avg(weight_in) AS weight_in, avg(weight_out) AS weight_out,
  collect([source, n, target]) AS places
WHERE graphs >= 2 AND graphs >= $share * of
ORDER BY graphs DESC, abs(weight_in) + abs(weight_out) DESC, first, f.model, f.source_set, f.layer, f.index, last LIMIT $k
CALL (places) {
  UNWIND places AS place
  WITH place, place[0] AS source, place[1] AS n, place[2] AS target
  RETURN place AS nodes ORDER BY n.graph, n.ordinal, source.ordinal, target.ordinal LIMIT 1
}
WITH graphs, nodes[0] AS a, nodes[1] AS b, nodes[2] AS c
MATCH p = (a)-[:DIRECT_EFFECT]->(b)-[:DIRECT_EFFECT]->(c)
RETURN p ORDER BY graphs DESC LIMIT 100
