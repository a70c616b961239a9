// The nodes with the best paths of max_hops hops, each with the direct effect its best path ends with.
WITH levels, $max_hops AS hops
UNWIND [i IN range(0, size(levels[hops]) - 1) WHERE levels[hops][i] > -Infinity] AS i
WITH levels[hops - 1] AS before, i ORDER BY levels[hops][i] DESC, i LIMIT 25
CALL (before, i) {
  MATCH p = (v:Node {graph: $graph, ordinal: i})<-[r:DIRECT_EFFECT]-(u)
  WHERE abs(r.weight) >= $min_weight AND before[u.ordinal] > -Infinity
  WITH p, u, before[u.ordinal] AS value,
       CASE $score WHEN 'product' THEN log(abs(r.weight) / v.input_sum) ELSE $sign * r.weight END AS step
  RETURN p ORDER BY CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END DESC,
                    u.ordinal LIMIT 1
}
RETURN p LIMIT 25
