// The strongest direct effects on a node and from it, by |weight| unless asked otherwise.
// @param key STRING -- the node's key
// @param k INTEGER = 10 -- how many each way
// @returns direction STRING -- in or out
// @returns node MAP -- the neighbour
// @returns weight FLOAT -- the direct effect, signed
// @returns statistics MAP -- in an aggregate: graphs, weight_present, weight_sd and sign_agreement of the effect
// @returns center MAP -- the node whose neighbours these are
CYPHER 25
MATCH (n:Node {graph: $graph, key: $key})
@strongest_effects(n)
// result
RETURN direction, m {@node} AS node, r.weight AS weight, CASE WHEN r.graphs > 0
  THEN r {.graphs, .weight_present, .weight_sd, .sign_agreement} END AS statistics, n {@node} AS center
ORDER BY direction, @strength(r) DESC, m.ordinal LIMIT 20000
// visual: A node and the strongest direct effects on it and from it.
MATCH p = (n)-[r]-(m) RETURN p LIMIT 300
