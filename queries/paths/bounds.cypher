// The largest sum of weights of any path of exactly j hops from given nodes to every node they reach,
// for j from 0 to max_hops: the bounds that paths.top_k takes for sources of one's own.
// @param graph STRING -- the graph's name
// @param sources LIST<STRING> -- keys of the nodes where paths begin
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @param sign INTEGER = 1 -- 1 for the largest sum, -1 for the largest of the negated weights
// @returns hops INTEGER -- j
// @returns ordinals LIST<INTEGER> -- the nodes reached
// @returns sums LIST<FLOAT> -- the largest sum, for each of them
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $sources
WITH collect({node: n, sum: 0.0}) AS reached
WITH reached, [reached] AS levels
// hop 1
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 2
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 3
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 4
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 5
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 6
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 7
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 8
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 9
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 10
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 11
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 12
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.sum AS sum
  MATCH (u)-[r:DIRECT_EFFECT]->(v)
  WITH v, max(sum + $sign * r.weight) AS sum
  RETURN collect({node: v, sum: sum}) AS following
}
WITH following AS reached, levels + [following] AS levels
// end of hops
UNWIND range(0, $max_hops) AS hops
RETURN hops, [x IN levels[hops] | x.node.ordinal] AS ordinals, [x IN levels[hops] | x.sum] AS sums
ORDER BY hops
