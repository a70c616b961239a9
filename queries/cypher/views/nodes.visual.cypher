// The nodes with most influence, each as a path of one node.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
WITH n ORDER BY n.key STARTS WITH 'token:' OR n.key STARTS WITH 'logit:' OR n.key IN $keys DESC,
                coalesce(n.influence, 1 - n.cumulative_influence, 0.0) DESC, n.ordinal LIMIT $k
MATCH p = (n)
RETURN p LIMIT 300
