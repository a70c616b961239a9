// Names and contents of the graphs that names and tags mean, in one row: what shows whether an aggregate is out of date.
// @internal
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags: their graphs but collapsed ones and aggregates
// @returns contents LIST<LIST<STRING>> -- name and content hash of each graph
CYPHER 25
RETURN COLLECT {
  CALL () {
    @named($graphs, $tags)
  }
  MATCH (g:Graph {name: name})
  RETURN [g.name, g.content_hash] LIMIT 100000
} AS contents
