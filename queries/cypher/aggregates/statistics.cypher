// @internal What an aggregate knows of the direct effects on some of its nodes, as columns in order of target, then
// source.
// @returns weight_present LIST<FLOAT> -- the mean weight over the graphs that have the effect
// @returns weight_sd LIST<FLOAT> -- the standard deviation of the weight over all graphs
// @returns graphs LIST<INTEGER> -- the number of graphs that have the effect
// @returns sign_agreement LIST<FLOAT> -- of these, the share in which it has its commonest sign
CYPHER 25
MATCH (target:Node {graph: $graph}) WHERE @in_part(target)
MATCH (target)<-[r:DIRECT_EFFECT]-(source)
WITH r, target, source ORDER BY target.ordinal, source.ordinal LIMIT 10000000
RETURN collect(coalesce(r.weight_present, NaN)) AS weight_present, collect(coalesce(r.weight_sd, NaN)) AS weight_sd,
       collect(coalesce(r.graphs, 0)) AS graphs, collect(coalesce(r.sign_agreement, NaN)) AS sign_agreement LIMIT 1
