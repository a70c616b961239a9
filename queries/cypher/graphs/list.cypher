// The graphs of the database, with what they are graphs of and how large they are.
// @param tags LIST<STRING> = [] -- only graphs of these tags
// @returns graph STRING -- the graph's name
// @returns prompt STRING -- its prompt
// @returns model STRING -- the language model
// @returns source_set STRING -- the set of transcoders
// @returns lorsa_source_set STRING -- the set of lorsas that its attention features belong to, null if it has none
// @returns nodes INTEGER -- number of nodes
// @returns edges INTEGER -- number of direct effects
// @returns created_at STRING -- when it was ingested
// @returns collapsed_from STRING -- of a graph collapsed by its supernodes, the whole graph
// @returns aggregated_graphs INTEGER -- of an aggregate, the number of graphs that it was made of
// @returns tags LIST<STRING> -- its tags
CYPHER 25
MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready'
  AND ($tags = [] OR EXISTS { (g)-[:TAGGED]->(t:Tag) WHERE t.name IN $tags })
// result
RETURN g.name AS graph, g.prompt AS prompt, g.model AS model, g.source_set AS source_set,
       g.lorsa_source_set AS lorsa_source_set, g.nodes AS nodes, g.edges AS edges, toString(g.created_at) AS created_at,
       g.collapsed_from AS collapsed_from, g.aggregated_graphs AS aggregated_graphs,
       COLLECT { MATCH (g)-[:TAGGED]->(t:Tag) RETURN t.name ORDER BY t.name LIMIT 1000 } AS tags
ORDER BY graph LIMIT @MAX_ROWS
// visual: The graphs of the database, each a node with its properties.
MATCH p = (g) RETURN p ORDER BY g.name LIMIT 100
