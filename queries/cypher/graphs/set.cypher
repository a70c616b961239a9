// The graphs that names and tags mean together, and which of the tags each has.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs, which stand for all their graphs
// @returns graph STRING -- the graph's name
// @returns tagged LIST<STRING> -- those of the tags that it has
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
RETURN g.name AS graph, COLLECT { MATCH (g)-[:TAGGED]->(t:Tag) WHERE t.name IN $tags RETURN t.name ORDER BY t.name LIMIT 1000 } AS tagged
ORDER BY graph LIMIT 10000
