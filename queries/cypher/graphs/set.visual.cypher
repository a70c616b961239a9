// The graphs that names and tags mean, and all their tags.
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
OPTIONAL MATCH q = (g)-[:TAGGED]->(:Tag)
MATCH p = (g)
RETURN coalesce(q, p) AS p ORDER BY g.name LIMIT 300
