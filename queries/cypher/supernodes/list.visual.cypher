// The supernodes of a graph, and what each groups.
CYPHER 25
MATCH (s:Supernode {graph: $graph}) WHERE s.name IS NOT NULL AND ($name IS NULL OR s.name = $name)
WITH s ORDER BY s.order LIMIT 100
MATCH p = (s)-[:GROUPS]->()
RETURN p LIMIT 300
