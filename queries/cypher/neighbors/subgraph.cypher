// The neighbourhood of a node, several hops wide: for every node reached, its k strongest direct effects. In a graph of
// a million effects, k has to be small; `circuit-atlas neighbors` asks hop by hop, and may ask for more.
// @param key STRING -- the node's key
// @param hops INTEGER = 2 -- how many hops wide
// @param k INTEGER = 5 -- how many per node, each way
// @returns source MAP -- where the effect comes from
// @returns target MAP -- what it acts on
// @returns weight FLOAT -- the direct effect, signed
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
// Hop by hop, the effects of the nodes reached last. This is a loop, as paths.strongest explains.
WITH reduce(found = {frontier: [n], seen: [n], effects: []}, hop IN range(1, $hops) | COLLECT {
  UNWIND found.frontier AS node
  @strongest_effects(node)
  WITH collect(r) AS effects, collect(DISTINCT m) AS reached
  RETURN {frontier: [m IN reached WHERE NOT m IN found.seen], seen: found.seen + reached,
          effects: found.effects + effects} AS wider
}[0]).effects AS effects
// result
UNWIND effects AS r
WITH DISTINCT r, startNode(r) AS s, endNode(r) AS t
RETURN s {@node} AS source, t {@node} AS target, r.weight AS weight
ORDER BY abs(weight) DESC, s.ordinal, t.ordinal LIMIT @MAX_ROWS
// visual: The neighbourhood of a node, several hops wide.
@drawn_effects(effects)
