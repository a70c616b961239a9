// The graphs of the database, each a node with what is known of it.
CYPHER 25
MATCH p = (g:Graph) WHERE g.name IS NOT NULL AND g.status = 'ready'
RETURN p ORDER BY g.name LIMIT 100
