// The strongest direct effects among the nodes.
CYPHER 25
MATCH (t:Node {graph: $graph}) WHERE t.ordinal IN $ordinals[$first..$stop]
MATCH p = (t)<-[r:DIRECT_EFFECT]-(s) WHERE $whole OR s.ordinal IN $ordinals
WITH p, r ORDER BY abs(r.weight) DESC LIMIT $k
RETURN p LIMIT 300
