// The nodes of two graphs, aligned: those that both have, or only one has, the most influential first. Features are the
// same when they are the same transcoder feature, tokens when their text is, logits when their vocabulary entry is,
// errors when their layer is; and all but logits, unless asked otherwise, when their position is.
// @param align STRING = "relative" -- which positions are the same: exact; relative (counted from the end of the
//   prompt, except a first token that both prompts have); or feature (any)
// @param status STRING = "shared" -- shared; only_a; only_b; or an empty text for all
// @param k INTEGER = 100 -- how many
// @param keys LIST<STRING> = [] -- only what nodes with these keys stand for, in either graph
// @param within_a LIST<STRING> = [] -- only nodes of a with these keys, such as a circuit's; all when empty
// @param within_b LIST<STRING> = [] -- the same of b
// @param influences_a LIST<FLOAT> = null -- influence of each node of a by ordinal; the stored one when null
// @param influences_b LIST<FLOAT> = null -- the same of b
// @returns status STRING -- shared, only_a or only_b
// @returns identity STRING -- what they are aligned by: kind, and layer/index, text or vocabulary index, then @ and the
//   position, which is negative when it is counted from the end
// @returns a LIST<MAP> -- its nodes, with influence, activation, probability; several only where positions do not count
// @returns b LIST<MAP> -- the nodes of b
// @returns influence_a FLOAT -- share of the logits that flows through the nodes of a, summed; 0 without any
// @returns influence_b FLOAT -- the same of b
CYPHER 25
@aligned_nodes
WITH n, side, identity, [$within_a, $within_b][side.number] AS within WHERE within = [] OR n.key IN within
WITH n, side, identity ORDER BY n.ordinal
WITH identity, collect(CASE side.number WHEN 0 THEN n END) AS a, collect(CASE side.number WHEN 1 THEN n END) AS b
WHERE $keys = [] OR any(n IN a + b WHERE n.key IN $keys)
WITH identity, a, b, CASE WHEN b = [] THEN 'only_a' WHEN a = [] THEN 'only_b' ELSE 'shared' END AS status,
  reduce(sum = 0.0, n IN a | sum + coalesce($influences_a[n.ordinal], n.influence, 0.0)) AS influence_a,
  reduce(sum = 0.0, n IN b | sum + coalesce($influences_b[n.ordinal], n.influence, 0.0)) AS influence_b
WHERE $status IN ['', status]
WITH * ORDER BY influence_a + influence_b DESC, identity LIMIT $k
// result
RETURN status, identity, [n IN a | n {@node, .influence, .activation, .probability}] AS a,
  [n IN b | n {@node, .influence, .activation, .probability}] AS b, influence_a, influence_b
// visual: The transcoder features of these nodes, with their activations in each graph.
UNWIND a + b AS n
MATCH p = (n)-[:ACTIVATION_OF]->(:TranscoderFeature) RETURN p LIMIT 200
