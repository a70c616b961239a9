// The tags of the database, each a collection of graphs.
// @returns tag STRING -- the tag
// @returns graphs LIST<STRING> -- names of its graphs
CYPHER 25
MATCH (t:Tag) WHERE t.name IS NOT NULL
MATCH (t)<-[:TAGGED]-(g:Graph) WHERE g.status = 'ready'
WITH t, g.name AS graph ORDER BY graph
RETURN t.name AS tag, collect(graph) AS graphs
ORDER BY tag LIMIT 10000
