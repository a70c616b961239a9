// @internal The supernodes of a graph, and all features active on its prompt, where they are kept.
// @returns supernodes LIST<MAP> -- name and ordinals of the members of each supernode, in the file's order
// @returns active LIST<MAP> -- blocks of all active features, in the file's order
CYPHER 25
MATCH (g:Graph {name: $graph})
RETURN COLLECT {
  MATCH (s:Supernode {graph: $graph}) WHERE @indexed(s.name)
  WITH s ORDER BY s.order LIMIT @MAX_ROWS
  RETURN {name: s.name, members: COLLECT {
    MATCH (s)-[:GROUPS]->(n:Node) WITH n.ordinal AS ordinal ORDER BY ordinal RETURN ordinal
  }}
} AS supernodes, COLLECT {
  MATCH (g)-[:ACTIVE_FEATURES]->(a:ActiveFeatures)
  WITH a ORDER BY a.block LIMIT @MAX_ROWS
  RETURN properties(a)
} AS active
