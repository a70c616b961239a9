// Of some graphs, one that was replaced or deleted meanwhile, if any: every publish of a graph sets another version.
// @internal
// @param versions LIST<LIST<STRING>> -- name and version of each graph, an empty text if it had none
// @returns graph STRING -- the graph's name
CYPHER 25
UNWIND $versions AS noted
OPTIONAL MATCH (g:Graph {name: noted[0]}) WHERE g.status = 'ready'
WITH noted, g WHERE g IS NULL OR coalesce(g.version, '') <> noted[1]
RETURN noted[0] AS graph LIMIT 1
