// A transcoder feature, its activations, and the strongest direct effects on each and of each.
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
WITH collect(g.name) AS names
MATCH (f:TranscoderFeature {model: $model, source_set: $source_set, layer: $layer, index: $index})
MATCH (f)<-[:ACTIVATION_OF]-(n:Node)
WHERE CASE WHEN $graphs = [] AND $tags = [] THEN NOT (n.graph CONTAINS '~' OR n.graph ENDS WITH ':collapsed') ELSE n.graph IN names END
WITH n.graph AS graph, collect(n) AS nodes, sum(coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, graph
WITH collect([graph, nodes]) AS found
UNWIND found[..$k] AS row
WITH size(found) AS total, row[0] AS graph, row[1] AS nodes
UNWIND nodes AS n
MATCH q = (f:TranscoderFeature {model: $model, source_set: $source_set, layer: $layer, index: $index})<-[:ACTIVATION_OF]-(n)
CALL (n, q) {
  RETURN q AS p
UNION
  MATCH p = (n)<-[r:DIRECT_EFFECT]-(m)
  RETURN p ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $neighbors
UNION
  MATCH p = (n)-[r:DIRECT_EFFECT]->(m)
  RETURN p ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $neighbors
}
RETURN p LIMIT 200
