// The best value of any path of exactly j hops from given nodes to every node they reach, for j from 0 to
// max_hops: the bounds that paths.top_k takes. The value is the sum of weights (for mean and sum), the weakest
// weight (bottleneck), or the sum of logarithms of normalised weights (product).
// @param graph STRING -- the graph's name
// @param sources LIST<STRING> -- keys of the nodes where paths begin
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @param sign INTEGER = 1 -- 1 for the largest, -1 for the largest of the negated weights
// @param score STRING = "mean" -- mean or sum of weights, bottleneck (the weakest link), or product of normalised weights
// @param kinds LIST<STRING> = [] -- kinds that nodes between the ends may have; all when empty
// @param layers LIST<INTEGER> = [] -- layers that nodes between the ends may have; all when empty
// @param positions LIST<INTEGER> = [] -- positions that nodes between the ends may have; all when empty
// @param avoid LIST<STRING> = [] -- keys of nodes that no path passes between its ends
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @returns hops INTEGER -- j
// @returns ordinals LIST<INTEGER> -- the nodes reached
// @returns sums LIST<FLOAT> -- the best value, for each of them
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $sources
WITH collect({node: n, value: CASE $score WHEN 'bottleneck' THEN Infinity ELSE 0.0 END, open: true}) AS reached
WITH reached, [reached] AS levels
// hop 1
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 2
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 3
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 4
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 5
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 6
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 7
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 8
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 9
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 10
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 11
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// hop 12
CALL (reached) {
  UNWIND reached AS x
  WITH x.node AS u, x.value AS value WHERE x.open
  MATCH (u)-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight
  WITH v, value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect({
    node: v, value: value,
    open: ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid
  }) AS following
}
WITH following AS reached, levels + [following] AS levels
// end of hops
UNWIND range(0, $max_hops) AS hops
RETURN hops, [x IN levels[hops] | x.node.ordinal] AS ordinals, [x IN levels[hops] | x.value] AS sums
ORDER BY hops
