// The direct effects through which most of the logits flows.
CYPHER 25
MATCH (t:Node {graph: $graph}) WHERE t.ordinal >= 0
WITH t, coalesce($influences[t.ordinal], t.influence + coalesce(t.probability, 0.0)) AS flow
WHERE flow > 0.0 AND t.input_sum > 0.0
WITH t, flow ORDER BY flow DESC, t.ordinal
WITH collect({node: t, flow: flow}) AS targets
CALL (targets) {
  UNWIND targets[..64] AS target
  WITH target.node AS t, target.flow AS flow
  MATCH (t)<-[r:DIRECT_EFFECT]-()
  WITH abs(r.weight) / t.input_sum * flow AS influence ORDER BY influence DESC LIMIT $k
  RETURN CASE count(*) WHEN $k THEN min(influence) ELSE 0.0 END AS least
}
UNWIND [target IN targets WHERE target.flow >= least | target] AS target
WITH target.node AS t, target.flow AS flow, least
MATCH p = (t)<-[r:DIRECT_EFFECT]-(s)
WITH p, s, t, abs(r.weight) / t.input_sum * flow AS influence, least
WHERE influence >= least
WITH p, s, t, influence ORDER BY influence DESC, t.ordinal, s.ordinal LIMIT $k
RETURN p LIMIT 300
