// The k paths of at most max_hops hops with the largest mean weight from a graph's tokens to given nodes; exact. In a
// graph that has a cycle, a path may visit a node twice. This is the search of paths.top_k in its plain form, to be
// read and changed: it has one score and no shortlists.
//
// How it works. A graph has far too many paths to list. But the database stores, for every node v and number of hops j,
// the largest sum of weights over all paths of exactly j hops from a token to v: bounds[j][v]. The search goes back
// from the target. A partial path that begins at v, whose weights add up to `sum`, and that needs j more hops before v,
// can be completed to a path with the sum `sum + bounds[j][v]`, and to none with a larger one. So the k best partial
// paths after each hop are enough: every one of the k best paths continues one of them.
// Among equal scores: fewer hops first, then node by node from the target back, in the order of the graph's file.
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = @DEFAULT_HOPS -- most edges of a path, 1 to @MAX_HOPS
// @param k INTEGER = 10 -- how many paths
// @returns nodes LIST<MAP> -- the nodes from source to target
// @returns weights LIST<FLOAT> -- the weights of its edges, in that order
// @returns hops INTEGER -- number of edges
// @returns score FLOAT -- the mean of the weights
CYPHER 25
// The bounds: a list for each number of hops, with the bounds of all nodes by ordinal.
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: 'tokens', sign: 1}) WHERE 0 <= b.hops <= $max_hops AND @indexed(b.block)
  WITH b ORDER BY b.hops, b.block
  UNWIND b.sums AS bound
  WITH b.hops AS hops, collect(bound) AS level ORDER BY hops
  RETURN collect(level) AS bounds
}
MATCH (target:Node {graph: $graph}) WHERE target.key IN $targets
// Prefixes are partial paths, written from the target back: one for each length, of no edge yet.
UNWIND range(1, $max_hops) AS hops
WITH bounds, {target: target, hops: hops, path: [target.ordinal], effects: [], sum: 0.0} AS prefix
WHERE bounds[hops][target.ordinal] > -Infinity
WITH bounds, collect(prefix) AS starts
// A loop: `prefixes` begins as `starts` and becomes, hop after hop, what the block in braces makes of it.
WITH reduce(prefixes = starts, hop IN range(1, $max_hops) | COLLECT {
  UNWIND prefixes AS prefix
  WITH prefix, prefix.hops AS hops, prefix.hops - size(prefix.effects) AS remaining
  // One hop back, along every effect on the node that a prefix begins at. Complete paths stay as they are.
  OPTIONAL MATCH (:Node {graph: $graph, ordinal: prefix.path[-1]})<-[effect:DIRECT_EFFECT]-(source)
  WHERE remaining > 0
  WITH prefix, hops, effect, source,
       coalesce(prefix.sum + effect.weight + bounds[remaining - 1][source.ordinal], prefix.sum) AS best
  WHERE best > -Infinity
  RETURN CASE WHEN effect IS NULL THEN prefix ELSE prefix {.target, .hops, path: prefix.path + source.ordinal,
           effects: prefix.effects + effect, sum: prefix.sum + effect.weight} END AS longer
  ORDER BY best / hops DESC, hops, prefix.path, source.ordinal LIMIT $k
}) AS paths
// result
UNWIND paths AS found
WITH found.path AS path, found.hops AS hops, found.sum / found.hops AS score, reverse(found.effects) AS effects,
     found.target AS target
RETURN [n IN [effect IN effects | startNode(effect)] + target | n {@node}] AS nodes,
       [effect IN effects | effect.weight] AS weights, hops, score ORDER BY score DESC, hops, path LIMIT $k
// visual: The k paths with the largest mean weight, step by step.
UNWIND paths AS found
UNWIND found.effects AS effect
WITH collect(effect) AS effects
@drawn_effects(effects)
