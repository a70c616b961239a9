// The nodes through which most of the logits flows, and the direct effects among them.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND (split(n.key, ':')[0] IN $kinds OR $kinds = [] AND NOT n.key STARTS WITH 'logit:')
WITH n, coalesce($influences[n.ordinal], n.influence) AS influence WHERE influence > 0.0
WITH n ORDER BY influence DESC, n.ordinal LIMIT $k
WITH collect(n)[..100] AS nodes
UNWIND nodes AS n
CALL (n, nodes) {
  OPTIONAL MATCH q = (n)<-[r:DIRECT_EFFECT]-(m) WHERE m IN nodes
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 5
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 300
