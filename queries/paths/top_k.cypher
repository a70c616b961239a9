// The k paths with the largest mean weight from a graph's tokens to given nodes, of at most max_hops hops; exact.
// Bounds stored with the graph (largest sum of any path of j hops from a token to a node) tell how much the
// best completion of a partial path can reach, so that k partial paths a hop are enough. Among equal scores:
// fewer hops first, then node by node from the target back, in the order of the graph's file.
// Other sources than all tokens: take `bounds` from paths.bounds.
// @param graph STRING -- the graph's name
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = 4 -- most edges of a path, 1 to 12
// @param k INTEGER = 10 -- how many paths
// @param sign INTEGER = 1 -- 1 for the largest mean weight, -1 for the smallest (most inhibiting)
// @param bounds LIST<LIST<FLOAT>> = null -- per number of hops, the bound of every node in order of ordinal
// @returns nodes LIST<MAP> -- the nodes from source to target
// @returns weights LIST<FLOAT> -- the weights of its edges, in that order
// @returns hops INTEGER -- number of edges
// @returns score FLOAT -- mean weight
CYPHER 25
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: 'tokens', sign: $sign}) WHERE b.hops >= 0 AND $bounds IS NULL
  WITH b ORDER BY b.hops
  RETURN collect(b.sums) AS stored
}
WITH coalesce($bounds, stored) AS bounds
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
UNWIND range(1, $max_hops) AS hops
WITH bounds, hops, n AS u, [n.ordinal] AS path, [] AS weights, 0.0 AS sum, bounds[hops][n.ordinal] / hops AS best
WHERE best > -Infinity
ORDER BY best DESC, hops, path LIMIT $k
// hop 1
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 0
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 1][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 0)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 2
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 1
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 2][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 1)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 3
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 2
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 3][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 2)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 4
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 3
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 4][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 3)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 5
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 4
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 5][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 4)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 6
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 5
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 6][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 5)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 7
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 6
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 7][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 6)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 8
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 7
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 8][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 7)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 9
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 8
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 9][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 8)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 10
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 9
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 10][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 9)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 11
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 10
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 11][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 10)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// hop 12
OPTIONAL MATCH (u)<-[r:DIRECT_EFFECT]-(v) WHERE hops > 11
WITH bounds, hops, u, path, weights, sum, r, v, coalesce($sign * r.weight, 0.0) AS weight
WITH *, CASE WHEN r IS NULL THEN sum / hops ELSE (sum + weight + bounds[hops - 12][v.ordinal]) / hops END AS best
WHERE best > -Infinity AND (r IS NOT NULL OR hops <= 11)
ORDER BY best DESC, hops, path, coalesce(v.ordinal, -1) LIMIT $k
WITH bounds, hops, coalesce(v, u) AS u, CASE WHEN r IS NULL THEN path ELSE path + v.ordinal END AS path,
     CASE WHEN r IS NULL THEN weights ELSE [r.weight] + weights END AS weights, sum + weight AS sum
// end of hops
WITH hops, path, weights, $sign * sum / hops AS score
ORDER BY $sign * score DESC, hops, path LIMIT $k
CALL (path) {
  UNWIND range(size(path) - 1, 0, -1) AS i
  MATCH (n:Node {graph: $graph, ordinal: path[i]})
  WITH i, n ORDER BY i DESC
  RETURN collect(n {.key, .name, .layer, .position, .index, .source_id}) AS nodes
}
RETURN nodes, weights, hops, score
ORDER BY $sign * score DESC, hops, path
