// The nodes that belong to every circuit of a graph and can be on its paths: tokens and logits.
// @internal
// @param graph STRING -- the graph's name
// @returns key STRING -- the key of one
// @returns ordinal INTEGER -- its ordinal
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'token:' OR n.key STARTS WITH 'logit:'
RETURN n.key AS key, n.ordinal AS ordinal ORDER BY ordinal LIMIT 100000
