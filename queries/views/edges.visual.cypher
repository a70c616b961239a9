// The strongest direct effects among the nodes.
CYPHER 25
WITH $ordinals[$first..$stop] AS chosen
MATCH (t:Node {graph: $graph}) WHERE t.ordinal IN chosen
MATCH p = (t)<-[r:DIRECT_EFFECT]-(s) WHERE $whole OR s.ordinal IN $ordinals
WITH p, r ORDER BY abs(r.weight) DESC LIMIT $k
RETURN p LIMIT 300
