// The most influential node of each group, and the strongest direct effects on it.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND (split(n.key, ':')[0] IN $kinds OR $kinds = [] AND NOT n.key STARTS WITH 'logit:')
WITH n, coalesce($influences[n.ordinal], n.influence) AS influence, CASE $by
  WHEN 'layer' THEN toString(n.layer) WHEN 'position' THEN toString(n.position)
  WHEN 'kind' THEN split(n.key, ':')[0] ELSE split(n.key, '@')[0] END AS group
WHERE group IS NOT NULL AND influence > 0.0
WITH group, n, influence ORDER BY influence DESC, n.ordinal
WITH group, head(collect(n)) AS n, sum(influence) AS influence
WITH n, influence ORDER BY influence DESC, group LIMIT $k
WITH n LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)<-[r:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
