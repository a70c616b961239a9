// The k paths with the best score from a graph's tokens to given nodes, of at most max_hops hops; exact.
// Among equal scores: fewer hops first, then node by node from the target back, in the order of the graph's file. In a
// graph that has a cycle, a path found may visit a node twice.
// For other sources than all tokens, other scores than mean and sum, and restrictions, take `bounds` from paths.bounds.
// paths.strongest is the same search in its plain form, with an explanation of how it works. This one takes all scores
// and is fast in large graphs. A node there has hundreds or thousands of inputs, of which few matter:
// its shortlist, stored as :PathSteps, has those through which the @SHORTLISTED_PATHS best paths of each length reach
// it, and with `floors`, here unlisted_best, the best value of a path of each length through any other input.
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = @DEFAULT_HOPS -- most edges of a path, 1 to @MAX_HOPS
// @param min_hops INTEGER = 1 -- fewest edges of a path
// @param k INTEGER = 10 -- how many paths
// @param order INTEGER = 1 -- 1 for the largest score, -1 for the smallest (most inhibiting)
// @param score STRING = "mean" -- mean or sum of weights, bottleneck (the weakest), or product of normalised weights
// @param sign INTEGER = 0 -- 1 for paths that promote the target, -1 for paths that inhibit it; with signed `bounds`
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @param bounds LIST<LIST<LIST<FLOAT>>> = null -- per number of hops, 0 to max_hops, the bounds of all nodes by
//   ordinal, in blocks of @BOUNDS_BLOCK; with a `sign`, of paths that promote a node, then of paths that inhibit it
// @returns nodes LIST<MAP> -- the nodes from source to target
// @returns weights LIST<FLOAT> -- the weights of its edges, in that order
// @returns hops INTEGER -- number of edges
// @returns score FLOAT -- the score
CYPHER 25
// The bounds, by number of hops and block of nodes.
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: 'tokens', sign: $order})
  WHERE $bounds IS NULL AND 0 <= b.hops <= $max_hops AND @indexed(b.block)
  WITH b ORDER BY b.hops, b.block
  WITH b.hops AS hops, collect(b.sums) AS blocks ORDER BY hops
  RETURN coalesce($bounds, collect(blocks)) AS bounds
}
MATCH (target:Node {graph: $graph}) WHERE target.key IN $targets
WITH bounds, target.ordinal AS node
// Prefixes are partial paths, written from the target back: one for each length, of no edge yet. Lengths that no path
// from a token has are left out; bounds of restricted searches cannot tell, for paths may end where they may not pass.
UNWIND range($min_hops, $max_hops) AS hops
WITH bounds, {node: node, hops: hops, remaining: hops, divisor: CASE $score WHEN 'mean' THEN hops ELSE 1 END,
              inhibits: CASE $sign WHEN -1 THEN 1 ELSE 0 END, path: [node], weights: [],
              value: CASE $score WHEN 'bottleneck' THEN Infinity ELSE 0.0 END, rank: null} AS prefix
WHERE $bounds IS NOT NULL OR @in_blocks(bounds[hops], node) > -Infinity
WITH bounds, collect(prefix) AS starts
// Hop by hop, the k best of the prefixes that are an edge longer. This is a loop, as paths.strongest explains.
WITH reduce(prefixes = starts, hop IN range(1, $max_hops) | COLLECT {
  // The threshold: what the k-th of the prefixes reaches, minus a margin for rounding. With fewer of them, it is
  // below all values but -Infinity, which is where no path is.
  WITH CASE size(prefixes) WHEN $k THEN prefixes[-1].rank END AS kth,
       reduce(most = 0.0, p IN prefixes | CASE WHEN abs(p.value) > most THEN abs(p.value) ELSE most END) AS largest
  WITH coalesce(kth - @ROUNDING * (abs(kth) + largest), -1e308) AS threshold
  CALL (bounds, prefixes, threshold) {
    // Complete paths stay as they are, and compete with those that are not.
    UNWIND [prefix IN prefixes WHERE prefix.remaining = 0] AS prefix
    RETURN prefix, null AS source, null AS weight, prefix.value AS value, prefix.value / prefix.divisor AS rank
  UNION ALL
    // Node by node, so that inputs are read once: those on the shortlist, or all. The shortlist is enough for the best
    // @SHORTLISTED_PATHS paths, and for prefixes that no other input continues to a path above the threshold.
    UNWIND [prefix IN prefixes WHERE prefix.remaining > 0] AS prefix
    WITH prefix.node AS node, collect(prefix) AS at_node
    OPTIONAL MATCH (shortlist:PathSteps {graph: $graph, sources: 'tokens', sign: $order, ordinal: node})
    WHERE $bounds IS NULL
    WITH node, at_node, shortlist, shortlist.floors AS unlisted_best
    UNWIND at_node AS prefix
    WITH node, shortlist, prefix, prefix.value AS value, unlisted_best[prefix.remaining - 1] AS unlisted
    WITH node, shortlist, shortlist IS NOT NULL AND ($k <= @SHORTLISTED_PATHS
           OR @extended(value, unlisted) / prefix.divisor < threshold) AS from_shortlist, collect(prefix) AS at_node
    CALL (node, shortlist, from_shortlist) {
      WITH shortlist WHERE from_shortlist
      RETURN shortlist.inputs AS inputs, shortlist.weights AS weights,
             [weight IN shortlist.weights | @step(weight, shortlist.input_sum)] AS steps
    UNION ALL
      WITH node WHERE NOT from_shortlist
      MATCH (target:Node {graph: $graph, ordinal: node})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN collect(source.ordinal) AS inputs, collect(weight) AS weights, collect(@step(weight, input_sum)) AS steps
    }
    // The bounds, by sign and hops, of what a prefix still needs. A negative weight turns the sign needed.
    UNWIND at_node AS prefix
    WITH prefix, inputs, weights, steps, prefix.value AS value, prefix.divisor AS divisor, threshold,
         prefix.inhibits AS inhibits
    WITH prefix, inputs, weights, steps, value, divisor, threshold,
         bounds[inhibits * ($max_hops + 1) + prefix.remaining - 1] AS bound,
         bounds[abs($sign - inhibits) % 2 * ($max_hops + 1) + prefix.remaining - 1] AS turned
    // The inputs that lead to a path above the threshold, up to rounding; -Infinity, where no path is, is below it.
    UNWIND [i IN range(0, size(inputs) - 1) WHERE CASE $score
      WHEN 'bottleneck' THEN value >= threshold <= steps[i] AND @before(weights[i], inputs[i]) >= threshold
      ELSE (value + steps[i] + @before(weights[i], inputs[i])) / divisor >= threshold - @ROUNDING * abs(steps[i])
      END | i] AS i
    WITH prefix, inputs[i] AS source, weights[i] AS weight, divisor, @extended(value, steps[i]) AS value,
         @before(weights[i], inputs[i]) AS bound
    RETURN prefix, source, weight, value, @extended(value, bound) / divisor AS rank
  }
  RETURN CASE WHEN source IS NULL THEN prefix ELSE {
           node: source, hops: prefix.hops, remaining: prefix.remaining - 1, divisor: prefix.divisor,
           inhibits: CASE WHEN weight < 0 THEN abs($sign - prefix.inhibits) % 2 ELSE prefix.inhibits END,
           path: prefix.path + source, weights: [weight] + prefix.weights, value: value, rank: rank
         } END AS longer
  ORDER BY rank DESC, prefix.hops, prefix.path, coalesce(source, -1) LIMIT $k
}) AS prefixes
// result
UNWIND range(0, size(prefixes) - 1) AS i WITH i, prefixes[i] AS prefix
WITH i, prefix.path AS path, prefix.weights AS weights, prefix.hops AS hops, prefix.value / prefix.divisor AS score
CALL (path) {
  UNWIND range(size(path) - 1, 0, -1) AS place
  MATCH (n:Node {graph: $graph, ordinal: path[place]})
  WITH place, n ORDER BY place DESC
  RETURN collect(n {@node}) AS nodes
}
RETURN nodes, weights, hops,
  CASE WHEN $score <> 'product' THEN $order * score + 0.0 WHEN $sign < 0 THEN -exp(score) ELSE exp(score) END AS score
ORDER BY i
// visual: The k paths with the best score, step by step.
UNWIND prefixes AS prefix UNWIND range(0, size(prefix.path) - 2) AS i
WITH DISTINCT prefix.path[i + 1] AS source, prefix.path[i] AS target
MATCH p = (:Node {graph: $graph, ordinal: source})-[:DIRECT_EFFECT]->(:Node {graph: $graph, ordinal: target})
RETURN p LIMIT 300
