// The direct effects through which most of the logits flows: normalised weight times what flows through the target
// (circuit-tracer's edge influence).
// @param k INTEGER = 20 -- how many
// @param influences LIST<FLOAT> = null -- what flows through each node by ordinal; the stored influence when null
// @param within LIST<STRING> = [] -- only effects of nodes with these keys; of any node when empty
// @returns source MAP -- the node that acts
// @returns target MAP -- the node acted on
// @returns weight FLOAT -- the direct effect
// @returns influence FLOAT -- the share of the logits that flows through it
CYPHER 25
// The effects on the 64 strongest targets give a lower bound for the k strongest effects. An effect carries no
// more than its target, so that weaker targets need not be read. The targets are matched twice, not collected: a list
// would be counted as memory of each row that is sorted.
CALL () {
  MATCH (t:Node {graph: $graph}) WHERE @indexed(t.ordinal)
  WITH t, coalesce($influences[t.ordinal], t.influence + coalesce(t.probability, 0.0)) AS flow
  WHERE flow > 0.0 AND t.input_sum > 0.0
  WITH t, flow ORDER BY flow DESC, t.ordinal LIMIT 64
  MATCH (t)<-[r:DIRECT_EFFECT]-(s) WHERE $within = [] OR s.key IN $within
  WITH abs(r.weight) / @at_least(t.input_sum) * flow AS influence ORDER BY influence DESC LIMIT $k
  RETURN CASE count(*) WHEN $k THEN min(influence) ELSE 0.0 END AS threshold
}
MATCH (t:Node {graph: $graph}) WHERE @indexed(t.ordinal)
WITH t, threshold, coalesce($influences[t.ordinal], t.influence + coalesce(t.probability, 0.0)) AS flow
WHERE flow > 0.0 AND t.input_sum > 0.0 AND flow >= threshold
MATCH (t)<-[r:DIRECT_EFFECT]-(s) WHERE $within = [] OR s.key IN $within
WITH s, t, r, abs(r.weight) / @at_least(t.input_sum) * flow AS influence, threshold WHERE influence >= threshold
WITH s, t, r, influence ORDER BY influence DESC, t.ordinal, s.ordinal LIMIT $k
// result
RETURN s {@node} AS source, t {@node} AS target, r.weight AS weight, influence
ORDER BY influence DESC, t.ordinal, s.ordinal
// visual: The direct effects through which most of the logits flows.
MATCH p = (t)<-[r]-(s) RETURN p LIMIT 300
