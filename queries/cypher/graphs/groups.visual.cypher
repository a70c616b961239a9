// The supernodes of a graph and what they group.
CYPHER 25
MATCH (s:Supernode {graph: $graph}) WHERE s.name IS NOT NULL
WITH s ORDER BY s.order LIMIT 100
MATCH p = (s)-[:GROUPS]->()
RETURN p LIMIT 300
