// The direct effects that are counted, the strongest of them.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop
MATCH p = (n)<-[r:DIRECT_EFFECT]-()
RETURN p ORDER BY abs(r.weight) DESC LIMIT 100
