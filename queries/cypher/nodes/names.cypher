// @internal The names of the nodes of a graph, each once.
// @param kind STRING = "" -- only of nodes of this kind
// @returns name STRING -- a name
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal) AND $kind IN ['', @kind(n)]
RETURN DISTINCT n.name AS name ORDER BY name LIMIT 20000
