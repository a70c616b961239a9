// How many transcoder features of graphs have influence, whatever the position.
// @internal
// @param graphs LIST<STRING> -- names of graphs
// @returns graph STRING -- name of the graph
// @returns features INTEGER -- how many they are
CYPHER 25
UNWIND $graphs AS graph
MATCH (n:Node {graph: graph}) WHERE n.key STARTS WITH 'feature:' AND n.influence > 0
RETURN graph, count(DISTINCT @anywhere(n)) AS features ORDER BY graph LIMIT 100000
