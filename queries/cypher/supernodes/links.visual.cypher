// The supernodes of a graph, what each groups, and the strongest direct effects between them.
CYPHER 25
MATCH (from:Supernode {graph: $graph}) WHERE from.name IS NOT NULL
WITH from ORDER BY from.order LIMIT 100
MATCH p = (from)-[:GROUPS]->()-[r:DIRECT_EFFECT]->()<-[:GROUPS]-(to)
WHERE to <> from
RETURN p ORDER BY abs(r.weight) DESC LIMIT 200
