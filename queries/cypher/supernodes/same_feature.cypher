// The transcoder features that are active at several positions of a graph's prompt, with the nodes of each.
// @param layers LIST<INTEGER> = [] -- only features of these layers
// @param positions LIST<INTEGER> = [] -- only nodes at these positions
// @param min_positions INTEGER = 2 -- how many positions at least
// @returns layer INTEGER -- the feature's layer
// @returns index INTEGER -- its index there
// @returns component STRING -- transcoder, or lorsa for an attention feature
// @returns name STRING -- what its first node is called
// @returns members LIST<MAP> -- its nodes, by position
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'feature:' AND n.index >= 0
  AND ($layers = [] OR n.layer IN $layers) AND ($positions = [] OR n.position IN $positions)
WITH n ORDER BY n.position, n.ordinal
WITH n.layer AS layer, n.index AS index, n.component AS component, collect(n) AS nodes,
     count(DISTINCT n.position) AS number
WHERE number >= $min_positions
// result
RETURN layer, index, component, head(nodes).name AS name, [n IN nodes | n {@node, .ordinal}] AS members
ORDER BY layer, index, component LIMIT @MAX_ROWS
// visual: The transcoder features that are active at several positions of a graph's prompt, and the nodes of each.
WITH nodes ORDER BY size(nodes) DESC, layer, index, component LIMIT 50
UNWIND nodes AS n
MATCH p = (n)-[:ACTIVATION_OF]->() RETURN p LIMIT 300
