// The best value of any path of exactly j hops from given nodes to every node that paths may pass, for j from 0 to
// max_hops: the bounds that paths.top_k takes. The value is the sum of weights (for mean and sum), the weakest
// weight (bottleneck), or the sum of logarithms of normalised weights (product); -Infinity where there is no path.
// @param sources LIST<STRING> -- keys of the nodes where paths begin
// @param max_hops INTEGER = @DEFAULT_HOPS -- most edges of a path, 1 to @MAX_HOPS
// @param order INTEGER = 1 -- 1 for the largest, -1 for the largest of the negated weights
// @param score STRING = "mean" -- mean or sum of weights, bottleneck (the weakest), or product of normalised weights
// @param kinds LIST<STRING> = [] -- kinds that nodes between the ends may have; all when empty
// @param layers LIST<INTEGER> = [] -- layers that nodes between the ends may have; all when empty
// @param positions LIST<INTEGER> = [] -- positions that nodes between the ends may have; all when empty
// @param avoid LIST<STRING> = [] -- keys of nodes where no path begins, and that none passes
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @param signed BOOLEAN = false -- whether to tell paths apart by sign, for a `sign` of paths.top_k: those with an
//   even number of negative weights promote, others inhibit
// @returns bounds LIST<LIST<LIST<FLOAT>>> -- per number of hops (if signed, of paths that promote, then of those that
//   inhibit), the values of all nodes by ordinal, in blocks of @BOUNDS_BLOCK
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n ORDER BY n.ordinal
WITH collect(n) AS nodes
// Lists by ordinal: whether paths may pass a node, and the level of 0 hops, with paths that begin and end at a source.
WITH [n IN nodes | @allowed(n) AND ($positions = [] OR n.position IN $positions) AND NOT n.key IN $avoid] AS passable,
     [n IN nodes | CASE WHEN NOT n.key IN $sources OR n.key IN $avoid THEN -Infinity
                     WHEN $score = 'bottleneck' THEN Infinity ELSE 0.0 END] AS no_hop, size(nodes) AS n
// If signed, a level has n values of paths that promote, then n of paths that inhibit; a path of no hop promotes.
WITH passable, n, no_hop + [i IN range(1, n) WHERE $signed | -Infinity] AS no_hop
// One hop after the other, along every effect of the nodes that paths have reached: the best value at each target, by
// ordinal. An effect of negative weight turns what promotes into what inhibits and back. This is a loop, as
// paths.strongest explains.
WITH n, reduce(levels = [no_hop], hop IN range(1, $max_hops) | levels + [COLLECT {
  WITH levels[-1] AS level
  CALL (passable, level, n) {
    UNWIND [i IN range(0, size(level) - 1) WHERE level[i] > -Infinity] AS i
    MATCH (:Node {graph: $graph, ordinal: i % n})-[r:DIRECT_EFFECT]->(target)
    WHERE abs(r.weight) >= $min_weight AND passable[target.ordinal]
    WITH target, level[i] AS value, @step(r.weight, target.input_sum) AS step,
         CASE WHEN $signed AND (r.weight < 0) <> (i >= n) THEN n ELSE 0 END AS inhibiting
    RETURN target.ordinal + inhibiting AS i, @extended(value, step) AS value
  UNION ALL
    UNWIND range(0, size(level) - 1) AS i RETURN i, -Infinity AS value
  }
  WITH i, max(value) AS value
  RETURN value ORDER BY i
}]) AS levels
// result
WITH reduce(all = [], first IN range(0, size(levels[0]) - 1, n) |
                       all + [level IN levels | level[first..first + n]]) AS levels_by_sign
RETURN [level IN levels_by_sign |
        [i IN range(0, size(level) - 1, @BOUNDS_BLOCK) | level[i..i + @BOUNDS_BLOCK]]] AS bounds LIMIT 1
// visual: The nodes with the best paths of max_hops hops, each with the direct effect its best path ends with.
WITH n, levels, $max_hops AS hops
UNWIND [i IN range(0, size(levels[hops]) - 1) WHERE levels[hops][i] > -Infinity] AS i
WITH n, levels[hops - 1] AS before, i ORDER BY levels[hops][i] DESC, i LIMIT 25
CALL (n, before, i) {
  MATCH p = (target:Node {graph: $graph, ordinal: i % n})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
  WITH p, r, source, target,
       source.ordinal + CASE WHEN $signed AND (r.weight < 0) <> (i >= n) THEN n ELSE 0 END AS place
  WHERE before[place] > -Infinity
  WITH p, source, before[place] AS value, @step(r.weight, target.input_sum) AS step
  RETURN p ORDER BY @extended(value, step) DESC, source.ordinal LIMIT 1
}
RETURN p LIMIT 25
