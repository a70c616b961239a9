// The tags of the database, each a collection of graphs.
// @returns tag STRING -- the tag
// @returns graphs LIST<STRING> -- names of its graphs
CYPHER 25
MATCH (t:Tag) WHERE @indexed(t.name)
MATCH p = (t)<-[:TAGGED]-(g:Graph) WHERE g.status = 'ready'
WITH t, g, p ORDER BY g.name
// result
RETURN t.name AS tag, collect(g.name) AS graphs ORDER BY tag LIMIT @MAX_ROWS
// visual: The tags of the database, and their graphs.
RETURN p ORDER BY t.name, g.name LIMIT 300
