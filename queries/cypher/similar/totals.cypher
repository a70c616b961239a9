// @internal The influence of all transcoder features of graphs, and how many have influence, whatever the position.
// @param graphs LIST<STRING> -- names of graphs, each once
// @param counted BOOLEAN = false -- whether to count features, which takes as long as all else
// @returns graph STRING -- name of the graph
// @returns influence FLOAT -- the sum of the influence of its features
// @returns features INTEGER -- how many have influence; 0 unless they are counted
CYPHER 25
UNWIND $graphs AS graph
OPTIONAL MATCH (n:Node {graph: graph}) WHERE n.key STARTS WITH 'feature:'
RETURN graph, sum(coalesce(n.influence, 0.0)) AS influence,
  count(DISTINCT CASE WHEN $counted AND n.influence > 0 THEN @anywhere(n) END) AS features
ORDER BY graph LIMIT @MAX_ROWS
