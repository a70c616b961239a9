// The strongest direct effects on a node and of a node, by |weight| unless asked otherwise.
// @param graph STRING -- the graph's name
// @param key STRING -- the node's key
// @param incoming BOOLEAN = true -- effects of others on it
// @param outgoing BOOLEAN = true -- its effects on others
// @param k INTEGER = 10 -- how many each way
// @param sign INTEGER = 0 -- 0 by |weight|, 1 strongest positive first, -1 most negative first
// @param kinds LIST<STRING> = [] -- only neighbours of these kinds
// @param layers LIST<INTEGER> = [] -- only neighbours in these layers
// @returns direction STRING -- in or out
// @returns node MAP -- the neighbour
// @returns weight FLOAT -- the direct effect, signed
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
CALL (n) {
  WITH n WHERE $incoming
  MATCH (n)<-[r:DIRECT_EFFECT]-(m)
  WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
  WITH m, r.weight AS weight
  ORDER BY CASE $sign WHEN 0 THEN abs(weight) ELSE $sign * weight END DESC, m.ordinal LIMIT $k
  RETURN 'in' AS direction, m, weight
UNION ALL
  WITH n WHERE $outgoing
  MATCH (n)-[r:DIRECT_EFFECT]->(m)
  WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
  WITH m, r.weight AS weight
  ORDER BY CASE $sign WHEN 0 THEN abs(weight) ELSE $sign * weight END DESC, m.ordinal LIMIT $k
  RETURN 'out' AS direction, m, weight
}
RETURN direction, m {.key, .name, .layer, .position, .index, .source_id} AS node, weight
ORDER BY direction, CASE $sign WHEN 0 THEN abs(weight) ELSE $sign * weight END DESC, m.ordinal LIMIT 20000
