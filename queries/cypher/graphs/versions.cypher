// @internal The last statement of a question: which names several nodes have, and then, so that the names are of these
// versions, too, the versions of its graphs, as columns. Every publish of a graph sets another version.
// @param graphs LIST<STRING> -- names of graphs
// @param tables LIST<STRING> = [] -- names of graphs whose stored bounds and counts of paths are used
// @param named LIST<LIST<STRING>> = [] -- names of nodes, each with the graph: [graph, name]
// @returns names LIST<STRING> -- names of graphs that are complete; among thousands, others may be in the list, too
// @returns versions LIST<STRING> -- the version of each, an empty text if it has none
// @returns blocks LIST<MAP> -- for each of `tables`, how many blocks of bounds and counts it has, by label
// @returns namesakes LIST<MAP> -- graph and name of those in `named` that several nodes have, and `crowded`: layers and
//   positions at which several nodes have it
CYPHER 25
CALL () {
  UNWIND $named AS at MATCH (n:Node {graph: at[0], name: at[1]})
  WITH n.graph AS graph, n.name AS name, n.layer AS layer, n.position AS position, count(*) AS nodes
  WITH graph, name, sum(nodes) AS nodes, collect(CASE WHEN nodes > 1 THEN [layer, position] END) AS crowded
  WHERE nodes > 1
  RETURN collect({graph: graph, name: name, crowded: crowded}) AS namesakes
}
WITH namesakes, size($graphs) AS n_graphs
CALL (n_graphs) {
  CALL (n_graphs) {
    WITH n_graphs WHERE @are_few(n_graphs) UNWIND $graphs AS name
    MATCH (g:Graph {name: name}) RETURN g
  UNION ALL
    // Reading all takes half as long as looking each up. The second CALL keeps Neo4j from reading all for a few.
    WITH n_graphs WHERE NOT @are_few(n_graphs)
    CALL () { MATCH (g:Graph) WHERE @indexed(g.name) RETURN g } RETURN g
  }
  WITH g WHERE g.status = 'ready'
  RETURN collect(coalesce(g.name, '')) AS names, collect(coalesce(g.version, '')) AS versions
}
RETURN names, versions, COLLECT {
  UNWIND $tables AS name RETURN {PathBounds: COUNT { @bounds_of(name) }, PathCounts: COUNT { @counts_of(name) }}
} AS blocks, namesakes LIMIT 1
