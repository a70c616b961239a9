// The k paths with the best score from a graph's tokens to given nodes, of at most max_hops hops; exact.
// Bounds stored with the graph (the best value of any path of j hops from a token to a node) tell how much a
// partial path can still reach, so that k partial paths a hop are enough; of nodes with many inputs, stored
// shortlists tell which ones matter. Among equal scores: fewer hops first, then node by node from the target back,
// in the order of the graph's file. In a graph that holds a cycle, a path found may visit a node twice.
// For other sources than all tokens, other scores than mean and sum, and restrictions, take `bounds` from paths.bounds.
// @param graph STRING -- the graph's name
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @param k INTEGER = 10 -- how many paths
// @param sign INTEGER = 1 -- 1 for the largest score, -1 for the smallest (most inhibiting)
// @param score STRING = "mean" -- mean or sum of weights, bottleneck (the weakest link), or product of normalised weights
// @param min_weight FLOAT = 0.0 -- smallest |weight| of an edge
// @param bounds LIST<LIST<LIST<FLOAT>>> = null -- per number of hops, the bounds of all nodes by ordinal, in blocks of 512
// @param sources STRING = "tokens" -- which stored bounds to take when none are given
// @param must_pass LIST<INTEGER> = [] -- ordinals of nodes to pass, in this order; `bounds` then has a table for each
// @returns nodes LIST<MAP> -- the nodes from source to target
// @returns weights LIST<FLOAT> -- the weights of its edges, in that order
// @returns hops INTEGER -- number of edges
// @returns score FLOAT -- the score
CYPHER 25
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: $sources, sign: $sign})
  WHERE $bounds IS NULL AND 0 <= b.hops <= $max_hops + size($must_pass) * ($max_hops + 1)
        AND b.block >= 0
  WITH b ORDER BY b.hops, b.block
  WITH b.hops AS hops, collect(b.sums) AS blocks ORDER BY hops
  RETURN collect(blocks) AS stored
}
WITH coalesce($bounds, stored) AS bounds
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
WITH bounds, n.ordinal AS u,
     size($must_pass) - CASE WHEN $must_pass <> [] AND $must_pass[-1] = n.ordinal THEN 1 ELSE 0 END AS left
UNWIND range(1, $max_hops) AS hops
WITH bounds, {u: u, hops: hops, share: CASE $score WHEN 'mean' THEN hops ELSE 1 END, left: left, path: [u], weights: [],
              value: CASE $score WHEN 'bottleneck' THEN Infinity ELSE 0.0 END} AS p
WHERE $sources <> 'tokens' OR $bounds IS NOT NULL OR bounds[hops][u / 512][u % 512] > -Infinity
WITH bounds, collect(p) AS prefixes, -Infinity AS worst
// hop 1
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 1
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 1] WHEN p.value < floors[p.hops - 1] THEN p.value ELSE floors[p.hops - 1] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 1] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 2
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 2
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 2
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 2] WHEN p.value < floors[p.hops - 2] THEN p.value ELSE floors[p.hops - 2] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 2] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 3
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 3
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 3
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 3] WHEN p.value < floors[p.hops - 3] THEN p.value ELSE floors[p.hops - 3] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 3] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 4
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 4
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 4
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 4] WHEN p.value < floors[p.hops - 4] THEN p.value ELSE floors[p.hops - 4] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 4] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 5
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 5
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 5
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 5] WHEN p.value < floors[p.hops - 5] THEN p.value ELSE floors[p.hops - 5] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 5] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 6
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 6
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 6
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 6] WHEN p.value < floors[p.hops - 6] THEN p.value ELSE floors[p.hops - 6] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 6] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 7
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 7
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 7
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 7] WHEN p.value < floors[p.hops - 7] THEN p.value ELSE floors[p.hops - 7] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 7] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 8
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 8
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 8
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 8] WHEN p.value < floors[p.hops - 8] THEN p.value ELSE floors[p.hops - 8] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 8] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 9
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 9
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 9
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 9] WHEN p.value < floors[p.hops - 9] THEN p.value ELSE floors[p.hops - 9] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 9] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 10
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 10
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 10
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 10] WHEN p.value < floors[p.hops - 10] THEN p.value ELSE floors[p.hops - 10] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 10] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 11
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 11
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 11
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 11] WHEN p.value < floors[p.hops - 11] THEN p.value ELSE floors[p.hops - 11] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 11] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// hop 12
CALL (bounds, prefixes, worst) {
  CALL (bounds, prefixes, worst) {
    UNWIND prefixes AS p
    WITH p WHERE p.hops < 12
    RETURN p, null AS o, null AS w, p.value AS value, p.value / p.share AS rank
  UNION ALL
    UNWIND prefixes AS p
    WITH p WHERE p.hops >= 12
    WITH p.u AS u, collect(p) AS here
    OPTIONAL MATCH (s:PathSteps {graph: $graph, sources: $sources, sign: $sign, ordinal: u}) WHERE $bounds IS NULL
    WITH u, here, s, s.floors AS floors
    WITH u, here, s, [p IN here | s IS NOT NULL AND ($k <= 64
           OR (CASE WHEN $score <> 'bottleneck' THEN p.value + floors[p.hops - 12] WHEN p.value < floors[p.hops - 12] THEN p.value ELSE floors[p.hops - 12] END) / p.share < worst)] AS listed
    CALL (u, here, s, listed) {
      WITH s, [i IN range(0, size(here) - 1) WHERE listed[i] | here[i]] AS group
      WHERE true IN listed
      RETURN group, s.inputs AS inputs, s.weights AS weights, [weight IN s.weights |
               CASE $score WHEN 'product' THEN log(abs(weight) / s.input_sum) ELSE $sign * weight END] AS steps
    UNION ALL
      WITH u, [i IN range(0, size(here) - 1) WHERE NOT listed[i] | here[i]] AS group
      WHERE false IN listed
      MATCH (target:Node {graph: $graph, ordinal: u})<-[r:DIRECT_EFFECT]-(source) WHERE abs(r.weight) >= $min_weight
      WITH group, source, target, r.weight AS weight, target.input_sum AS input_sum
      RETURN group, collect(source.ordinal) AS inputs, collect(weight) AS weights,
             collect(CASE $score WHEN 'product' THEN log(abs(weight) / input_sum) ELSE $sign * /* edge value */ weight END) AS steps
    }
    UNWIND group AS p
    WITH p, inputs, weights, steps, p.value AS value, p.share AS share, bounds[p.left * ($max_hops + 1) + p.hops - 12] AS bound
    UNWIND CASE $score
      WHEN 'bottleneck' THEN [i IN range(0, size(inputs) - 1) WHERE value >= worst AND steps[i] >= worst
                              AND bound[inputs[i] / 512][inputs[i] % 512] >= worst AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
      ELSE [i IN range(0, size(inputs) - 1) WHERE (value + steps[i] + bound[inputs[i] / 512][inputs[i] % 512]) / share >= worst
            AND bound[inputs[i] / 512][inputs[i] % 512] > -Infinity | i]
    END AS i
    WITH p, inputs[i] AS o, weights[i] AS w, share, CASE WHEN $score <> 'bottleneck' THEN value + steps[i] WHEN value < steps[i] THEN value ELSE steps[i] END AS value, bound[inputs[i] / 512][inputs[i] % 512] AS bound
    RETURN p, o, w, value, (CASE WHEN $score <> 'bottleneck' THEN value + bound WHEN value < bound THEN value ELSE bound END) / share AS rank
  }
  WITH p, o, w, value, rank ORDER BY rank DESC, p.hops, p.path, coalesce(o, -1) LIMIT $k
  RETURN collect(CASE WHEN o IS NULL THEN p ELSE {
           u: o, hops: p.hops, share: p.share, path: p.path + o, weights: [w] + p.weights, value: value,
           left: CASE WHEN p.left > 0 AND $must_pass[p.left - 1] = o THEN p.left - 1 ELSE p.left END
         } END) AS longer,
         CASE count(*) WHEN $k THEN min(rank) - 1e-9 * (abs(min(rank)) + max(abs(value))) ELSE -Infinity END AS kth
}
WITH bounds, longer AS prefixes, kth AS worst
// end of hops
UNWIND range(0, size(prefixes) - 1) AS place
WITH place, prefixes[place] AS p
WITH place, p.hops AS hops, p.path AS path, p.weights AS weights, p.value / p.share AS rank
CALL (path) {
  UNWIND range(size(path) - 1, 0, -1) AS i
  MATCH (n:Node {graph: $graph, ordinal: path[i]})
  WITH i, n ORDER BY i DESC
  RETURN collect(n {.key, .name, .layer, .position, .index, .source_id}) AS nodes
}
RETURN nodes, weights, hops, CASE $score WHEN 'product' THEN exp(rank) ELSE $sign * rank END AS score
ORDER BY place
