// The tokens of a graph's prompt, in order.
// @returns key STRING -- the node's key
// @returns name STRING -- the token as text
// @returns position INTEGER -- its position, from 0
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'token:'
// result
RETURN n.key AS key, n.name AS name, n.position AS position ORDER BY n.ordinal LIMIT @MAX_ROWS
// visual: The tokens of a graph's prompt, and the strongest direct effects of each.
WITH n ORDER BY n.ordinal LIMIT 50
@drawn(n)
