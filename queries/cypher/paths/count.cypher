// The number of paths from given nodes to given nodes, for every number of hops up to max_hops.
// Exact beyond 2^63: a count is carried as three numbers below @LIMB and returned as text. From all tokens, the
// counts that were stored with the graph are added up. A graph that has a cycle has none, so there are no rows; from
// given nodes, walks that visit a node twice count, too.
// @param sources LIST<STRING> = [] -- keys of the nodes where paths begin; all tokens when empty
// @param targets LIST<STRING> -- keys of the nodes where paths end
// @param max_hops INTEGER = @DEFAULT_HOPS -- most edges of a path, 1 to @MAX_HOPS
// @returns hops INTEGER -- number of edges
// @returns paths STRING -- number of paths, in decimal digits
// @returns longest INTEGER -- from all tokens, most edges of any path, at most @MAX_HOPS; else, or without one, null
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
WITH collect(n.ordinal) AS ends
// From all tokens: the stored counts. From given sources: none of these, but the paths are counted hop by hop.
CALL (ends) {
  MATCH (c:PathCounts {graph: $graph}) WHERE $sources = [] AND 1 <= c.hops <= $max_hops AND @indexed(c.block)
  UNWIND [end IN ends WHERE end / @BOUNDS_BLOCK = c.block | end % @BOUNDS_BLOCK] AS i
  WITH c.hops AS hops, sum(c.low[i]) AS low, sum(c.mid[i]) AS mid, sum(c.high[i]) AS high
  RETURN collect({hops: hops, low: low, mid: mid, high: high}) AS stored
}
// The longest come first, in the order of the index, so that nothing else is read.
CALL (ends) {
  @counts_of($graph) AND $sources = [] AND any(end IN ends WHERE end / @BOUNDS_BLOCK = c.block
    AND c.low[end % @BOUNDS_BLOCK] + c.mid[end % @BOUNDS_BLOCK] + c.high[end % @BOUNDS_BLOCK] > 0)
  WITH c ORDER BY c.graph DESC, c.hops DESC LIMIT 1
  RETURN max(c.hops) AS longest
}
CALL () {
  MATCH (n:Node {graph: $graph}) WHERE n.key IN $sources
  RETURN collect({ordinal: n.ordinal, low: 1, mid: 0, high: 0}) AS starts
}
// The paths to each node, one hop after the other: the sum over its inputs, whose low and middle parts are carried over
// into the higher ones. This is a loop, as paths.strongest explains.
WITH stored, longest, reduce(levels = [starts], hop IN range(1, $max_hops) | levels + [COLLECT {
  UNWIND levels[-1] AS source
  WITH source.ordinal AS ordinal, source.low AS low, source.mid AS mid, source.high AS high
  MATCH (:Node {graph: $graph, ordinal: ordinal})-[:DIRECT_EFFECT]->(target)
  WITH target.ordinal AS ordinal, sum(low) AS low, sum(mid) AS mid, sum(high) AS high
  WITH ordinal, low % @LIMB AS low, mid + low / @LIMB AS mid, high
  WITH ordinal, low, mid % @LIMB AS mid, high + mid / @LIMB AS high
  RETURN {ordinal: ordinal, low: low, mid: mid, high: high} AS reached
}]) AS levels, ends WHERE $sources <> [] OR EXISTS { (:PathCounts {graph: $graph, hops: 1, block: 0}) }
UNWIND range(1, $max_hops) AS hops
WITH hops, longest, [at IN levels[hops] WHERE at.ordinal IN ends] + [count IN stored WHERE count.hops = hops] AS counts
WITH hops, longest, reduce(sum = 0, count IN counts | sum + count.low) AS low,
     reduce(sum = 0, count IN counts | sum + count.mid) AS mid,
     reduce(sum = 0, count IN counts | sum + count.high) AS high
WITH hops, longest, low % @LIMB AS low, mid + low / @LIMB AS mid, high
WITH hops, longest, low, mid % @LIMB AS mid, high + mid / @LIMB AS high
// As text: 1 and a part's digits, without the 1, are the digits with zeros in front.
WITH hops, longest, low, mid, high, substring(toString(@LIMB + low), 1) AS low_digits,
     substring(toString(@LIMB + mid), 1) AS mid_digits
RETURN hops, CASE WHEN high > 0 THEN toString(high) + mid_digits + low_digits
  WHEN mid > 0 THEN toString(mid) + low_digits ELSE toString(low) END AS paths, longest
ORDER BY hops
// visual: Some of the paths that are counted, of at most three hops.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key IN $targets
MATCH p = (n)<-[r:DIRECT_EFFECT]-{1,3}(s:Node)
WHERE size(r) <= $max_hops AND (s.key IN $sources OR $sources = [] AND s.key STARTS WITH 'token:')
RETURN p LIMIT 100
