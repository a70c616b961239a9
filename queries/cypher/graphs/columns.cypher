// @internal The direct effects of graphs as columns of bytes.
// @param graphs LIST<STRING> -- names of graphs, at most 100, each once
// @param first INTEGER = 0 -- number of the first block of each
// @param stop INTEGER = 8 -- number after the last block
// @returns graph STRING -- the graph's name
// @returns columns MAP -- the properties of one of its nodes :EdgeColumns, see the schema
CYPHER 25
UNWIND $graphs AS graph
MATCH (c:EdgeColumns {graph: graph}) WHERE $first <= c.block < $stop
RETURN graph, properties(c) AS columns ORDER BY graph, c.block LIMIT 1000
