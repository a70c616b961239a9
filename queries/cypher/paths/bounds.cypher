// The best value of any path of exactly j hops from given nodes to every node that paths may pass, for j from 0 to
// max_hops: the bounds that paths.top_k takes. The value is the sum of weights (for mean and sum), the weakest
// weight (bottleneck), or the sum of logarithms of normalised weights (product); -Infinity where there is no path.
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
// @returns bounds LIST<LIST<LIST<FLOAT>>> -- per number of hops, the values of all nodes by ordinal, in blocks of 512
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
WITH n ORDER BY n.ordinal
WITH collect(n) AS nodes
WITH [n IN nodes | ($kinds = [] OR split(n.key, ':')[0] IN $kinds) AND ($layers = [] OR n.layer IN $layers)
        AND ($positions = [] OR n.position IN $positions) AND NOT n.key IN $avoid] AS open,
     [n IN nodes | CASE WHEN NOT n.key IN $sources THEN -Infinity WHEN $score = 'bottleneck' THEN Infinity ELSE 0.0 END] AS last
WITH open, last, [last] AS levels
// hop 1
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 2
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 3
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 4
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 5
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 6
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 7
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 8
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 9
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 10
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 11
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// hop 12
CALL (open, last) {
  UNWIND [i IN range(0, size(last) - 1) WHERE last[i] > -Infinity] AS i
  MATCH (:Node {graph: $graph, ordinal: i})-[r:DIRECT_EFFECT]->(v) WHERE abs(r.weight) >= $min_weight AND open[v.ordinal]
  WITH v, last[i] AS value, CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  WITH v.ordinal AS i, max(CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END) AS value
  RETURN collect([i, value]) AS reached
}
CALL (last, reached) {
  UNWIND reached + [i IN range(0, size(last) - 1) | [i, -Infinity]] AS x
  WITH x[0] AS i, max(x[1]) AS value
  WITH value ORDER BY i
  RETURN collect(value) AS next
}
WITH open, next AS last, levels + [next] AS levels
// end of hops
RETURN [level IN levels[..$max_hops + 1] | [i IN range(0, size(level) - 1, 512) | level[i..i + 512]]] AS bounds LIMIT 1
