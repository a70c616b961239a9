// @internal How many blocks of the stored bounds and counts of paths a graph has, by number of hops.
// @returns label STRING -- PathBounds or PathCounts
// @returns sign INTEGER -- of bounds: 1 or -1; of counts: 0
// @returns hops INTEGER -- number of edges
// @returns blocks INTEGER -- number of blocks
CYPHER 25
CALL () {
  @bounds_of($graph) RETURN 'PathBounds' AS label, b.sign AS sign, b.hops AS hops, count(b) AS blocks
UNION ALL
  @counts_of($graph) RETURN 'PathCounts' AS label, 0 AS sign, c.hops AS hops, count(c) AS blocks
}
RETURN label, sign, hops, blocks ORDER BY label, sign, hops LIMIT 1000
