// The direct effects of two graphs, aligned by their ends as in compare.nodes: those in both, or in one alone, that
// differ most.
// @param status STRING = "shared" -- shared; only_a; only_b; or an empty text for all
// @param k INTEGER = 20 -- how many
// @param target_prefix STRING = "" -- only effects on nodes whose identity starts with this, such as feature:20/, to
//   go through large graphs in parts
// @returns status STRING -- shared, only_a (lost) or only_b (gained)
// @returns source STRING -- identity of the source, as in compare.nodes
// @returns target STRING -- identity of the target
// @returns source_a LIST<MAP> -- the nodes of a that have the effect; several only where positions do not count
// @returns source_b LIST<MAP> -- the same of b
// @returns target_a LIST<MAP> -- the nodes of a that it is an effect on
// @returns target_b LIST<MAP> -- the same of b
// @returns weight_a FLOAT -- direct effect in a, 0 when there is none; a sum only where positions do not count
// @returns weight_b FLOAT -- the same in b
// @returns change FLOAT -- weight_b - weight_a
CYPHER 25
@aligned_nodes
WHERE identity STARTS WITH $target_prefix
WITH identity AS target, collect({side: side, node: n}) AS members
// Target by target, so that few effects are in memory at once.
CALL (members) {
  UNWIND members AS member
  WITH member.side AS side, member.node AS t
  MATCH (t)<-[r:DIRECT_EFFECT]-(s:Node)
  WITH side.number AS number, r, s, t, @identity(s, side) AS source
  WITH source, collect(CASE number WHEN 0 THEN s END) AS source_a, collect(CASE number WHEN 1 THEN s END) AS source_b,
    collect(CASE number WHEN 0 THEN t END) AS target_a, collect(CASE number WHEN 1 THEN t END) AS target_b,
    sum(CASE number WHEN 0 THEN r.weight ELSE 0.0 END) AS weight_a,
    sum(CASE number WHEN 1 THEN r.weight ELSE 0.0 END) AS weight_b
  WITH *, CASE WHEN source_b = [] THEN 'only_a' WHEN source_a = [] THEN 'only_b' ELSE 'shared' END AS status
  WHERE $status IN ['', status]
  RETURN status, source, source_a, source_b, target_a, target_b, weight_a, weight_b
}
WITH target, status, source, source_a, source_b, target_a, target_b, weight_a, weight_b
ORDER BY abs(weight_b - weight_a) DESC, target, source LIMIT $k
// result
RETURN status, source, target,
  COLLECT { UNWIND source_a AS n WITH DISTINCT n RETURN n {@node} ORDER BY n.ordinal LIMIT 1000 } AS source_a,
  COLLECT { UNWIND source_b AS n WITH DISTINCT n RETURN n {@node} ORDER BY n.ordinal LIMIT 1000 } AS source_b,
  COLLECT { UNWIND target_a AS n WITH DISTINCT n RETURN n {@node} ORDER BY n.ordinal LIMIT 1000 } AS target_a,
  COLLECT { UNWIND target_b AS n WITH DISTINCT n RETURN n {@node} ORDER BY n.ordinal LIMIT 1000 } AS target_b,
  weight_a, weight_b, weight_b - weight_a AS change
// visual: The direct effects that differ most, in the graphs that have them.
UNWIND source_a + source_b AS s UNWIND target_a + target_b AS t
WITH DISTINCT s, t, weight_a, weight_b WHERE s.graph = t.graph
MATCH p = (s)-[:DIRECT_EFFECT]->(t) RETURN p ORDER BY abs(weight_b - weight_a) DESC LIMIT 150
