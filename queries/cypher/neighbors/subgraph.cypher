// The neighbourhood of a node, several hops wide: for every node reached, its k strongest direct effects. In a graph of
// a million effects, k has to be small; `circuit-atlas neighbors` asks hop by hop, and may ask for more.
// @param key STRING -- the node's key
// @param hops INTEGER = 2 -- how many hops wide
// @param incoming BOOLEAN = true -- follow effects on a node
// @param outgoing BOOLEAN = true -- follow effects of a node
// @param k INTEGER = 5 -- how many per node, each way
// @param sign INTEGER = 0 -- 0 by |weight|, 1 strongest positive first, -1 most negative first
// @param kinds LIST<STRING> = [] -- only neighbours of these kinds
// @param layers LIST<INTEGER> = [] -- only neighbours in these layers
// @param within LIST<STRING> = [] -- only neighbours with these keys; all when empty
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
