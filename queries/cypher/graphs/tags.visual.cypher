// The tags of the database, and their graphs.
CYPHER 25
MATCH (t:Tag) WHERE t.name IS NOT NULL
MATCH p = (t)<-[:TAGGED]-(g:Graph) WHERE g.status = 'ready'
RETURN p ORDER BY t.name, g.name LIMIT 300
