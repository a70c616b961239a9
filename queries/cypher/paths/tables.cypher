// @internal How many blocks of the stored bounds and counts of paths a graph has, by number of hops.
// @returns label STRING -- PathBounds or PathCounts
// @returns sign INTEGER -- of bounds: 1 or -1; of counts: 0
// @returns hops INTEGER -- number of edges
// @returns blocks INTEGER -- number of blocks
CYPHER 25
CALL () {
  MATCH (b:PathBounds {graph: $graph, sources: 'tokens'})
  WHERE @indexed(b.sign) AND @indexed(b.hops) AND @indexed(b.block)
  RETURN 'PathBounds' AS label, b.sign AS sign, b.hops AS hops, count(b) AS blocks
UNION ALL
  MATCH (c:PathCounts {graph: $graph}) WHERE @indexed(c.hops) AND @indexed(c.block)
  RETURN 'PathCounts' AS label, 0 AS sign, c.hops AS hops, count(c) AS blocks
}
RETURN label, sign, hops, blocks ORDER BY label, sign, hops LIMIT 1000
