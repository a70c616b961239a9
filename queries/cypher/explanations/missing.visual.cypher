// The most influential features that Neuronpedia was not asked for yet, and where they are active.
CYPHER 25
UNWIND $graphs AS graph
MATCH (n:Node {graph: graph}) WHERE n.ordinal >= 0
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WHERE f.fetched_at IS NULL OR f.fetched_at < datetime($before)
WITH n, f ORDER BY coalesce(n.influence, 0.0) DESC, n.ordinal LIMIT 50
MATCH p = (n)-[:ACTIVATION_OF]->(f)
RETURN p LIMIT 50
