// The transcoder features that recur in most graphs of a set, whatever the position: those active in most graphs first.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs; without graphs and tags, all graphs of the database but those collapsed by supernodes
// @param share FLOAT = 0.5 -- in at least this share of the graphs, 0 to 1, and in two
// @param k INTEGER = 20 -- how many
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
// @returns graphs INTEGER -- number of graphs in which it is active
// @returns influence FLOAT -- mean, over these graphs, of the share of the logits that flows through it
// @returns of INTEGER -- number of graphs of the set
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
WITH of, f, count(DISTINCT name) AS graphs, sum(coalesce(n.influence, 0.0)) AS influence
WHERE graphs >= 2 AND graphs >= $share * of
WITH of, f, graphs, influence / graphs AS influence
ORDER BY graphs DESC, influence DESC, f.model, f.source_set, f.layer, f.index LIMIT $k
RETURN f {.model, .source_set, .layer, .index, .explanation} AS feature, graphs, influence, of
