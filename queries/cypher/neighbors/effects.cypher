// @internal The strongest direct effects of each of several nodes, each way; see neighbors.direct.
// @param ordinals LIST<INTEGER> -- the nodes' ordinals
// @param k INTEGER = 5 -- how many per node, each way
// @returns source INTEGER -- ordinal of the node where the effect comes from
// @returns target INTEGER -- ordinal of the node that it acts on
// @returns weight FLOAT -- the direct effect, signed
CYPHER 25
UNWIND $ordinals AS ordinal
MATCH (node:Node {graph: $graph, ordinal: ordinal})
@strongest_effects(node)
RETURN startNode(r).ordinal AS source, endNode(r).ordinal AS target, r.weight AS weight
ORDER BY source, target LIMIT @MAX_ROWS
