// The number of paths from given nodes to given nodes, for every number of hops up to max_hops.
// Exact beyond 2^63: a count is carried as three numbers below 10^14 and returned as text. From all tokens, the
// counts that were stored with the graph are added up; in a graph that holds a cycle there are none.
// @param graph STRING -- the graph's name
// @param sources LIST<STRING> = [] -- keys of the nodes where paths begin; all tokens when empty
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @returns hops INTEGER -- number of edges
// @returns paths STRING -- number of paths, in decimal digits
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
WITH collect(n.ordinal) AS ends
CALL (ends) {
  MATCH (c:PathCounts {graph: $graph}) WHERE $sources = [] AND 1 <= c.hops <= $max_hops AND c.block >= 0
  UNWIND [o IN ends WHERE o / 512 = c.block | o % 512] AS i
  WITH c.hops AS hops, sum(c.low[i]) AS low, sum(c.mid[i]) AS mid, sum(c.high[i]) AS high
  RETURN collect({hops: hops, low: low, mid: mid, high: high}) AS stored
}
CALL () {
  MATCH (n:Node {graph: $graph}) WHERE n.key IN $sources
  RETURN collect({node: n, low: 1, mid: 0, high: 0}) AS reached
}
WITH stored, reached, [] AS levels
// hop 1
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 2
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 3
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 4
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 5
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 6
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 7
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 8
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 9
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 10
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 11
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// hop 12
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.low AS low, x.mid AS mid, x.high AS high
  MATCH (u)-[:DIRECT_EFFECT]->(v)
  WITH v, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH v, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
  WITH v, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
  RETURN collect({node: v, low: low, mid: mid, high: high}) AS following
}
WITH stored, following AS reached, levels + [[x IN following WHERE x.node.key IN $targets]] AS levels
// end of hops
UNWIND range(1, $max_hops) AS hops
WITH hops, levels[hops - 1] + [c IN stored WHERE c.hops = hops] AS ends
WITH hops, reduce(s = 0, x IN ends | s + x.low) AS low, reduce(s = 0, x IN ends | s + x.mid) AS mid,
     reduce(s = 0, x IN ends | s + x.high) AS high
WITH hops, low % 100000000000000 AS low, mid + low / 100000000000000 AS mid, high
WITH hops, low, mid % 100000000000000 AS mid, high + mid / 100000000000000 AS high
RETURN hops, CASE
  WHEN high > 0 THEN toString(high) + right('00000000000000' + toString(mid), 14) + right('00000000000000' + toString(low), 14)
  WHEN mid > 0 THEN toString(mid) + right('00000000000000' + toString(low), 14)
  ELSE toString(low) END AS paths
ORDER BY hops
