// How similar two graphs are: of nodes, by kind, and of direct effects, aligned as in compare.nodes, how many both have
// and how many only one, and their weighted Jaccard similarity: sum of the smaller over sum of the larger of the two
// weights. The weight of a node is its influence; an effect counts with its |weight|, and as two when its sign differs.
// @param target_prefix STRING = "" -- only nodes whose identity starts with this, and effects on them, such as
//   feature:20/, to go through large graphs in parts
// @returns what STRING -- feature, error, token, logit or other, for nodes, or direct effect
// @returns shared INTEGER -- how many both graphs have
// @returns only_a INTEGER -- how many only a has
// @returns only_b INTEGER -- how many only b has
// @returns smaller FLOAT -- sum of the smaller weights
// @returns larger FLOAT -- sum of the larger weights
// @returns similarity FLOAT -- smaller / larger, 0 to 1; null when both are 0
CYPHER 25
@aligned_nodes
WHERE identity STARTS WITH $target_prefix
WITH identity AS target, collect({side: side, node: n}) AS members
// For each target, one row for its nodes and one for each source of effects on it. As `number` is 0 for a and 1 for b,
// sum(number) counts those of b, and sum(number * weight) adds up their weights.
CALL (target, members) {
  UNWIND members AS member
  WITH split(target, ':')[0] AS what, member.side.number AS number, coalesce(member.node.influence, 0.0) AS weight
  RETURN what, '' AS source, sum(1 - number) AS in_a, sum(number) AS in_b, sum((1 - number) * weight) AS weight_a,
    sum(number * weight) AS weight_b
UNION ALL
  UNWIND members AS member
  WITH member.side AS side, member.node AS t
  MATCH (t)<-[r:DIRECT_EFFECT]-(s:Node)
  WITH side.number AS number, r.weight AS weight, @identity(s, side) AS source
  RETURN 'direct effect' AS what, source, sum(1 - number) AS in_a, sum(number) AS in_b,
    sum((1 - number) * weight) AS weight_a, sum(number * weight) AS weight_b
}
WITH what, in_a > 0 AS in_a, in_b > 0 AS in_b, abs(weight_a) AS size_a, abs(weight_b) AS size_b,
  sign(weight_a) * sign(weight_b) >= 0 AS agree
WITH what, in_a, in_b,
  CASE WHEN NOT agree THEN 0.0 WHEN size_a < size_b THEN size_a ELSE size_b END AS smaller,
  CASE WHEN NOT agree THEN size_a + size_b WHEN size_a > size_b THEN size_a ELSE size_b END AS larger
WITH what, count(CASE WHEN in_a AND in_b THEN 1 END) AS shared, count(CASE WHEN NOT in_b THEN 1 END) AS only_a,
  count(CASE WHEN NOT in_a THEN 1 END) AS only_b, sum(smaller) AS smaller, sum(larger) AS larger
RETURN what, shared, only_a, only_b, smaller, larger, CASE WHEN larger > 0 THEN smaller / larger END AS similarity
ORDER BY what LIMIT 10
// visual: The transcoder features that both graphs have, whatever the position, the most influential first.
CYPHER 25
MATCH (n:Node {graph: $a}) WHERE n.key STARTS WITH 'feature:'
MATCH p = (n)-[:ACTIVATION_OF]->(:TranscoderFeature)<-[:ACTIVATION_OF]-(m:Node {graph: $b})
RETURN p ORDER BY coalesce(n.influence, 0.0) + coalesce(m.influence, 0.0) DESC LIMIT 100
