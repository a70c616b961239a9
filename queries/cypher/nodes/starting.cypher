// @internal The nodes of a graph whose keys start with one of some texts, none of which is the start of another.
// @param starts LIST<STRING> -- the texts: feature:8/37691@ means all activations of a feature
// @returns key STRING -- the key of a node
// @returns ordinal INTEGER -- its ordinal
CYPHER 25
UNWIND $starts AS start MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH start
RETURN n.key AS key, n.ordinal AS ordinal ORDER BY ordinal LIMIT @MAX_ROWS
