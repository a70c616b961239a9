// Which version of each graph there is: every publish of a graph sets another one.
// @internal
// @param graphs LIST<STRING> -- names of graphs
// @returns graph STRING -- the graph's name
// @returns version STRING -- its version, null if it was published before there were versions
CYPHER 25
MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready'
RETURN g.name AS graph, g.version AS version
ORDER BY graph LIMIT 100000
