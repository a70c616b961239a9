// The transcoder features that both graphs have, whatever the position, the most influential first.
CYPHER 25
MATCH (n:Node {graph: $a}) WHERE n.key STARTS WITH 'feature:'
MATCH p = (n)-[:ACTIVATION_OF]->(:TranscoderFeature)<-[:ACTIVATION_OF]-(m:Node {graph: $b})
RETURN p ORDER BY coalesce(n.influence, 0.0) + coalesce(m.influence, 0.0) DESC LIMIT 100
