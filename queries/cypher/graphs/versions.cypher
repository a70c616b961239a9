// @internal The versions of some graphs, as columns: every publish of a graph sets another one.
// @param graphs LIST<STRING> -- names of graphs
// @returns names LIST<STRING> -- names of graphs that are complete; among thousands, others may be in the list, too
// @returns versions LIST<STRING> -- the version of each, an empty text if it has none
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
RETURN collect(coalesce(g.name, '')) AS names, collect(coalesce(g.version, '')) AS versions LIMIT 1
