// The strongest direct effects on a weighted sum of nodes, such as the difference of two logits: what speaks for one
// answer and not another. Direct effects are linear in their target, so it is exact.
// @param parts MAP -- the nodes of the sum, and what each is multiplied by: {`logit:1@9`: 1, `logit:2@9`: -1}
// @param k INTEGER = 10 -- how many
// @param kinds LIST<STRING> = [] -- only nodes of these kinds
// @param layers LIST<INTEGER> = [] -- only nodes in these layers
// @param within LIST<STRING> = [] -- only nodes with these keys; all when empty
// @returns node MAP -- where the effect comes from
// @returns ordinal INTEGER -- its number in the graph
// @returns weight FLOAT -- the direct effect on the sum, signed
CYPHER 25
UNWIND keys($parts) AS key
MATCH (target:Node {graph: $graph, key: key})<-[r:DIRECT_EFFECT]-(m)
WHERE @allowed(m) AND ($within = [] OR m.key IN $within)
WITH m, target, $parts[key] * r.weight AS effect ORDER BY m.ordinal, target.ordinal
WITH m, {weight: sum(effect)} AS r, sum(abs(effect)) AS size
// What cancels, up to rounding, is not an effect.
WITH m, r WHERE abs(r.weight) > 1e-12 * size
// result
RETURN m {@node} AS node, m.ordinal AS ordinal, r.weight AS weight ORDER BY @strength(r) DESC, ordinal LIMIT $k
// visual: The nodes of the sum, and the strongest direct effects on it.
WITH m ORDER BY @strength(r) DESC, m.ordinal LIMIT $k
MATCH p = (m)-[:DIRECT_EFFECT]->(target:Node {graph: $graph}) WHERE target.key IN keys($parts)
RETURN p LIMIT 300
