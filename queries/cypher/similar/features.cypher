// What other graphs have in common with a graph: transcoder features that are active in both, and their influence.
// @internal
// @param graph STRING -- the graph's name
// @param graphs LIST<STRING> -- names of the others
// @returns other STRING -- name of another graph; without those that have nothing in common
// @returns common FLOAT -- over the features of both, the sum of the smaller influence of the two
// @returns shared INTEGER -- how many these features are
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH f, sum(coalesce(n.influence, 0.0)) AS own WHERE own > 0
CALL (f) {
  MATCH (n:Node)-[:ACTIVATION_OF]->(f) WHERE n.graph IN $graphs
  WITH n.graph AS other, sum(coalesce(n.influence, 0.0)) AS influence WHERE influence > 0
  RETURN other, influence
}
RETURN other, sum(CASE WHEN influence < own THEN influence ELSE own END) AS common, count(f) AS shared
ORDER BY other LIMIT 100000
