// The graphs that names and tags mean together, and which of the tags each has.
// @internal
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs
// @returns graph STRING -- the graph's name
// @returns tagged LIST<STRING> -- those of the tags that it has
CYPHER 25
UNWIND @names_of($graphs, $tags) AS graph
RETURN graph, COLLECT {
  MATCH (:Graph {name: graph})-[:TAGGED]->(t:Tag) WHERE t.name IN $tags RETURN t.name ORDER BY t.name LIMIT 1000
} AS tagged
ORDER BY graph LIMIT 10000
