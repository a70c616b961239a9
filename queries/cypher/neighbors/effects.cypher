// The strongest direct effects of each of several nodes, each way; see neighbors.direct.
// @internal
// @param ordinals LIST<INTEGER> -- the nodes' ordinals
// @param incoming BOOLEAN = true -- effects on them
// @param outgoing BOOLEAN = true -- their effects
// @param k INTEGER = 5 -- how many per node, each way
// @param sign INTEGER = 0 -- 0 by |weight|, 1 strongest positive first, -1 most negative first
// @param kinds LIST<STRING> = [] -- only neighbours of these kinds
// @param layers LIST<INTEGER> = [] -- only neighbours in these layers
// @param within LIST<STRING> = [] -- only neighbours with these keys; all when empty
// @returns source INTEGER -- ordinal of the node where the effect comes from
// @returns target INTEGER -- ordinal of the node that it acts on
// @returns weight FLOAT -- the direct effect, signed
CYPHER 25
UNWIND $ordinals AS ordinal
MATCH (node:Node {graph: $graph, ordinal: ordinal})
@strongest_effects(node)
RETURN startNode(r).ordinal AS source, endNode(r).ordinal AS target, r.weight AS weight
ORDER BY source, target LIMIT @MAX_ROWS
