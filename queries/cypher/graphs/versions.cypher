// Of some graphs, one that was replaced or deleted meanwhile, if any: every publish of a graph sets another version.
// @internal
// @param versions MAP -- by the name of each graph the version that it had, an empty text if it had none
// @returns graph STRING -- the graph's name
CYPHER 25
UNWIND keys($versions) AS graph
OPTIONAL MATCH (g:Graph {name: graph}) WHERE g.status = 'ready'
WITH graph, g WHERE g IS NULL OR coalesce(g.version, '') <> $versions[graph]
RETURN graph LIMIT 1
