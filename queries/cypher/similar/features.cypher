// @internal What other graphs have in common with a graph: transcoder features that are active in both, and their
// influence. All are in one row, as columns, see graphs.set.
// @param graphs LIST<STRING> -- names of the others
// @returns names LIST<STRING> -- names of those others that have something in common with it
// @returns common LIST<FLOAT> -- of each, the sum of the smaller influence of the two over the features of both
// @returns influence LIST<FLOAT> -- of each, the sum of the influence of the same features in it
// @returns shared LIST<INTEGER> -- how many features are active in both
CYPHER 25
@active($graph)
WITH f, sum(coalesce(n.influence, 0.0)) AS own WHERE own > 0
CALL (f) {
  MATCH (n:Node)-[:ACTIVATION_OF]->(f) WHERE n.graph IN $graphs
  WITH n.graph AS other, sum(coalesce(n.influence, 0.0)) AS influence WHERE influence > 0
  RETURN other, influence
}
WITH other, sum(CASE WHEN influence < own THEN influence ELSE own END) AS common, sum(influence) AS influence,
  count(f) AS shared ORDER BY other LIMIT @MAX_ROWS
RETURN collect(other) AS names, collect(common) AS common, collect(influence) AS influence, collect(shared) AS shared
LIMIT 1
