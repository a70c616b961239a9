// The influence of all transcoder features of graphs, and how many have influence, whatever the position.
// @internal
// @param graphs LIST<STRING> -- names of graphs, each once
// @returns graph STRING -- name of the graph
// @returns influence FLOAT -- the sum of the influence of its features
// @returns features INTEGER -- how many have influence
CYPHER 25
UNWIND $graphs AS graph
OPTIONAL MATCH (n:Node {graph: graph}) WHERE n.key STARTS WITH 'feature:'
RETURN graph, sum(coalesce(n.influence, 0.0)) AS influence,
  count(DISTINCT CASE WHEN n.influence > 0 THEN @anywhere(n) END) AS features
ORDER BY graph LIMIT 100000
