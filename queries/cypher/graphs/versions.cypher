// @internal The versions of some graphs, as columns: every publish of a graph sets another one.
// @param graphs LIST<STRING> -- names of graphs
// @param tables LIST<STRING> = [] -- names of graphs whose stored bounds and counts of paths are used
// @returns names LIST<STRING> -- names of graphs that are complete; among thousands, others may be in the list, too
// @returns versions LIST<STRING> -- the version of each, an empty text if it has none
// @returns blocks LIST<INTEGER> -- for each of `tables`, how many blocks of bounds and counts it has
CYPHER 25
WITH size($graphs) AS n_graphs
CALL (n_graphs) {
  WITH n_graphs WHERE @are_few(n_graphs)
  UNWIND $graphs AS name
  MATCH (g:Graph {name: name}) RETURN g
UNION ALL
  // Reading all takes half as long as looking each up. The second CALL keeps Neo4j from reading all for a few.
  WITH n_graphs WHERE NOT @are_few(n_graphs)
  CALL () { MATCH (g:Graph) WHERE @indexed(g.name) RETURN g }
  RETURN g
}
WITH g WHERE g.status = 'ready'
WITH collect(coalesce(g.name, '')) AS names, collect(coalesce(g.version, '')) AS versions
RETURN names, versions, COLLECT { UNWIND $tables AS name
  RETURN COUNT { @bounds_of(name) } + COUNT { @counts_of(name) } } AS blocks LIMIT 1
