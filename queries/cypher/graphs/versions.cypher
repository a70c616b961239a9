// Of some graphs, one that was replaced or deleted meanwhile, if any: every publish of a graph sets another version.
// @internal
// @param versions MAP -- version of each graph by its name, an empty text if it had none
// @returns graph STRING -- the graph's name
CYPHER 25
WITH size(keys($versions)) AS n_graphs
CALL (n_graphs) {
  WITH n_graphs WHERE @are_few(n_graphs)
  UNWIND keys($versions) AS name
  MATCH (g:Graph {name: name}) RETURN g
UNION ALL
  // Reading all takes half as long as looking each up. The second CALL keeps Neo4j from reading all for a few.
  WITH n_graphs WHERE NOT @are_few(n_graphs)
  CALL () { MATCH (g:Graph) WHERE @indexed(g.name) RETURN g }
  RETURN g
}
WITH g WHERE g.status = 'ready' AND coalesce(g.version, '') = $versions[g.name]
WITH collect(g.name) AS unchanged WHERE size(unchanged) < size(keys($versions))
UNWIND keys($versions) AS graph
WITH unchanged, graph WHERE NOT graph IN unchanged
RETURN graph LIMIT 1
