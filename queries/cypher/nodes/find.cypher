// The nodes of a graph that an address can mean, best match first: 1 a key without its position,
// 2 the name as written, 3 the name in other case, 4 the node_id of the graph's file, 5 the node_id in other case.
// @param text STRING -- the address, without its kind
// @param kind STRING = "" -- feature, error, token or logit, when the address names the kind
// @param prefer STRING = "" -- a kind of node whose matches come first among equals
// @returns rank INTEGER -- how it matches, 1 to 5
// @returns node MAP -- the node
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n, CASE
  WHEN $kind <> '' AND NOT n.key STARTS WITH $kind + ':' THEN 0
  WHEN $kind <> '' AND n.key STARTS WITH $kind + ':' + $text + '@' THEN 1
  WHEN n.name = $text OR n.token = $text THEN 2
  WHEN toLower(n.name) = toLower($text) OR toLower(n.token) = toLower($text) THEN 3
  WHEN n.source_id = $text THEN 4
  WHEN toLower(n.source_id) = toLower($text) THEN 5
  ELSE 0 END AS rank WHERE rank > 0
// result
RETURN rank, n {@node} AS node ORDER BY rank, NOT n.key STARTS WITH $prefer + ':', n.ordinal LIMIT @MAX_MATCHES
// visual: The nodes that an address can mean, and the strongest direct effects of each.
WITH n ORDER BY rank, n.ordinal LIMIT 50
@drawn(n)
