// @internal Names and contents of the graphs that names and tags mean, in one row: they show if an aggregate is out of
// date.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, for their graphs except collapsed ones and aggregates
// @returns contents LIST<LIST<STRING>> -- name and content hash of each graph
CYPHER 25
@graphs_of($graphs, $tags)
RETURN collect([g.name, g.content_hash]) AS contents LIMIT 1
