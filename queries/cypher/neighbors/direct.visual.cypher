// A node and the strongest direct effects on it and of it.
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
CALL (n) {
  WITH n WHERE $incoming
  MATCH p = (n)<-[r:DIRECT_EFFECT]-(m)
  WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
  RETURN p ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
UNION ALL
  WITH n WHERE $outgoing
  MATCH p = (n)-[r:DIRECT_EFFECT]->(m)
  WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
  RETURN p ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
}
RETURN p LIMIT 300
