// The strongest of the direct effects on some nodes.
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE $first <= target.ordinal < $stop
MATCH p = (target)<-[r:DIRECT_EFFECT]-()
RETURN p ORDER BY abs(r.weight) DESC LIMIT 100
