// The neighbourhood of a node, several hops wide: for every node reached, its k strongest direct effects.
// @param graph STRING -- the graph's name
// @param key STRING -- the node's key
// @param incoming BOOLEAN = true -- follow effects on a node
// @param outgoing BOOLEAN = true -- follow effects of a node
// @param k INTEGER = 5 -- how many per node, each way
// @param sign INTEGER = 0 -- 0 by |weight|, 1 strongest positive first, -1 most negative first
// @param kinds LIST<STRING> = [] -- only neighbours of these kinds
// @param layers LIST<INTEGER> = [] -- only neighbours in these layers
// @returns source MAP -- where the effect comes from
// @returns target MAP -- what it acts on
// @returns weight FLOAT -- the direct effect, signed
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
WITH [n] AS frontier, [n] AS seen, [] AS edges
// hop 1
CALL (frontier) {
  UNWIND frontier AS u
  CALL (u) {
    WITH u WHERE $incoming
    MATCH (u)<-[r:DIRECT_EFFECT]-(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  UNION ALL
    WITH u WHERE $outgoing
    MATCH (u)-[r:DIRECT_EFFECT]->(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  }
  RETURN collect(r) AS found, collect(DISTINCT m) AS reached
}
WITH edges + found AS edges, seen + reached AS seen, [m IN reached WHERE NOT m IN seen] AS frontier
// hop 2
CALL (frontier) {
  UNWIND frontier AS u
  CALL (u) {
    WITH u WHERE $incoming
    MATCH (u)<-[r:DIRECT_EFFECT]-(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  UNION ALL
    WITH u WHERE $outgoing
    MATCH (u)-[r:DIRECT_EFFECT]->(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  }
  RETURN collect(r) AS found, collect(DISTINCT m) AS reached
}
WITH edges + found AS edges, seen + reached AS seen, [m IN reached WHERE NOT m IN seen] AS frontier
// hop 3
CALL (frontier) {
  UNWIND frontier AS u
  CALL (u) {
    WITH u WHERE $incoming
    MATCH (u)<-[r:DIRECT_EFFECT]-(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  UNION ALL
    WITH u WHERE $outgoing
    MATCH (u)-[r:DIRECT_EFFECT]->(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  }
  RETURN collect(r) AS found, collect(DISTINCT m) AS reached
}
WITH edges + found AS edges, seen + reached AS seen, [m IN reached WHERE NOT m IN seen] AS frontier
// hop 4
CALL (frontier) {
  UNWIND frontier AS u
  CALL (u) {
    WITH u WHERE $incoming
    MATCH (u)<-[r:DIRECT_EFFECT]-(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  UNION ALL
    WITH u WHERE $outgoing
    MATCH (u)-[r:DIRECT_EFFECT]->(m)
    WHERE ($kinds = [] OR split(m.key, ':')[0] IN $kinds) AND ($layers = [] OR m.layer IN $layers)
    WITH r, m ORDER BY CASE $sign WHEN 0 THEN abs(r.weight) ELSE $sign * r.weight END DESC, m.ordinal LIMIT $k
    RETURN r, m
  }
  RETURN collect(r) AS found, collect(DISTINCT m) AS reached
}
WITH edges + found AS edges, seen + reached AS seen, [m IN reached WHERE NOT m IN seen] AS frontier
// end of hops
UNWIND edges AS r
WITH DISTINCT r, startNode(r) AS s, endNode(r) AS t
RETURN s {.key, .name, .layer, .position, .index, .source_id} AS source,
       t {.key, .name, .layer, .position, .index, .source_id} AS target, r.weight AS weight
ORDER BY abs(weight) DESC, s.ordinal, t.ordinal LIMIT 100000
