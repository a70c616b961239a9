// Nodes of a graph and the transcoder features that explain them.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop
WITH n ORDER BY n.ordinal LIMIT 5000
MATCH p = (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) WHERE f.explanation IS NOT NULL
RETURN p LIMIT 150
