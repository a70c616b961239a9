// @internal The graphs that have no columns of edges, see :EdgeColumns.
// @returns graph STRING -- its name
CYPHER 25
MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND g.edges > 0
  AND NOT EXISTS { (:EdgeColumns {graph: g.name, block: 0}) }
RETURN g.name AS graph ORDER BY graph LIMIT @MAX_ROWS
