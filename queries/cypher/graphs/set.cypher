// The graphs that names and tags mean together, or all, their versions, and which of the tags each has.
// @internal
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs; without graphs and tags, all graphs of the
//   database but collapsed graphs and aggregates
// @returns graph STRING -- the graph's name
// @returns version STRING -- its version, null if it was published before there were versions
// @returns content STRING -- its content hash: graphs with the same content have the same
// @returns source_set STRING -- its model and set of transcoders
// @returns is_original BOOLEAN -- whether it is neither collapsed nor an aggregate
// @returns tagged LIST<STRING> -- those of the tags that it has
CYPHER 25
// No list of all names: rows that are sorted would keep it, and Neo4j counts its size once for each of them.
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
UNION
  WITH 1 AS once WHERE $graphs = [] AND $tags = []
  MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND @is_original(g) RETURN g
}
RETURN g.name AS graph, g.version AS version, g.content_hash AS content, g.model + ' / ' + g.source_set AS source_set,
       @is_original(g) AS is_original, CASE WHEN $tags = [] THEN [] ELSE COLLECT {
  MATCH (g)-[:TAGGED]->(t:Tag) WHERE t.name IN $tags RETURN t.name ORDER BY t.name LIMIT 1000
} END AS tagged
ORDER BY graph LIMIT 100000
