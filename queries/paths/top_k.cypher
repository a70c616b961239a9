// The k paths with the best score from a graph's tokens to given nodes, of at most max_hops hops; exact.
// Bounds stored with the graph (largest sum of any path of j hops from a token to a node) tell how much the
// best completion of a partial path can reach, so that k partial paths a hop are enough. Among equal scores:
// fewer hops first, then node by node from the target back, in the order of the graph's file.
// Other sources than all tokens, other scores than mean and sum, restrictions: take `bounds` from paths.bounds.
// @param graph STRING -- the graph's name
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @param k INTEGER = 10 -- how many paths
// @param sign INTEGER = 1 -- 1 for the largest score, -1 for the smallest (most inhibiting)
// @param score STRING = "mean" -- mean or sum of weights, bottleneck (the weakest link), or product of normalised weights
// @param kinds LIST<STRING> = [] -- kinds that nodes between the ends may have; all when empty
// @param layers LIST<INTEGER> = [] -- layers that nodes between the ends may have; all when empty
// @param positions LIST<INTEGER> = [] -- positions that nodes between the ends may have; all when empty
// @param avoid LIST<STRING> = [] -- keys of nodes that no path passes between its ends
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @param bounds LIST<LIST<FLOAT>> = null -- per number of hops, the bound of every node in order of ordinal
// @returns nodes LIST<MAP> -- the nodes from source to target
// @returns weights LIST<FLOAT> -- the weights of its edges, in that order
// @returns hops INTEGER -- number of edges
// @returns score FLOAT -- the score
CYPHER 25
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: 'tokens', sign: $sign}) WHERE b.hops >= 0 AND $bounds IS NULL
  WITH b ORDER BY b.hops
  RETURN collect(b.sums) AS stored
}
WITH coalesce($bounds, stored) AS bounds, CASE $score WHEN 'bottleneck' THEN Infinity ELSE 0.0 END AS value
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
UNWIND range(1, $max_hops) AS hops
WITH bounds, hops, CASE $score WHEN 'mean' THEN hops ELSE 1 END AS share, n AS u, [n.ordinal] AS path, [] AS weights,
     value, bounds[hops][n.ordinal] AS best
WHERE best > -Infinity
ORDER BY best / share DESC, hops, path LIMIT $k
// hop 1
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 0 AND abs(r.weight) >= $min_weight AND (hops = 1 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 1][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 0)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 2
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 1 AND abs(r.weight) >= $min_weight AND (hops = 2 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 2][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 1)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 3
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 2 AND abs(r.weight) >= $min_weight AND (hops = 3 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 3][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 2)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 4
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 3 AND abs(r.weight) >= $min_weight AND (hops = 4 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 4][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 3)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 5
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 4 AND abs(r.weight) >= $min_weight AND (hops = 5 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 5][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 4)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 6
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 5 AND abs(r.weight) >= $min_weight AND (hops = 6 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 6][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 5)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 7
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 6 AND abs(r.weight) >= $min_weight AND (hops = 7 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 7][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 6)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 8
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 7 AND abs(r.weight) >= $min_weight AND (hops = 8 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 8][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 7)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 9
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 8 AND abs(r.weight) >= $min_weight AND (hops = 9 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 9][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 8)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 10
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 9 AND abs(r.weight) >= $min_weight AND (hops = 10 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 10][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 9)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 11
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 10 AND abs(r.weight) >= $min_weight AND (hops = 11 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 11][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 10)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// hop 12
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v)
WHERE hops > 11 AND abs(r.weight) >= $min_weight AND (hops = 12 OR ($kinds = [] OR split(v.key, ':')[0] IN $kinds) AND ($layers = [] OR v.layer IN $layers)
         AND ($positions = [] OR v.position IN $positions) AND NOT v.key IN $avoid)
WITH *, CASE WHEN r IS NULL THEN 0.0 ELSE CASE $score WHEN 'product' THEN log(abs(r.weight) / u.input_sum) ELSE $sign * r.weight END END AS step, bounds[hops - 12][v.ordinal] AS rest
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END END AS value
WITH *, CASE WHEN r IS NULL THEN value ELSE CASE WHEN $score <> 'bottleneck' THEN value + rest WHEN value < rest THEN value ELSE rest END END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 11)
ORDER BY best / share DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, share, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, value
// end of hops
WITH hops, path, weights, value / share AS rank
ORDER BY rank DESC, hops, path LIMIT $k
CALL (path) {
  UNWIND range(size(path) - 1, 0, -1) AS i
  MATCH (n:Node {graph: $graph, ordinal: path[i]})
  WITH i, n ORDER BY i DESC
  RETURN collect(n {.key, .name, .layer, .position, .index, .source_id}) AS nodes
}
RETURN nodes, weights, hops, CASE $score WHEN 'product' THEN exp(rank) ELSE $sign * rank END AS score
ORDER BY rank DESC, hops, path
