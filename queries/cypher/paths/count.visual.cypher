// Some of the paths that are counted, of at most three hops.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
MATCH p = (n)<-[r:DIRECT_EFFECT]-{1,3}(s:Node)
WHERE size(r) <= $max_hops AND (s.key IN $sources OR $sources = [] AND s.key STARTS WITH 'token:')
RETURN p LIMIT 100
