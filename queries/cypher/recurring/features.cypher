// The transcoder features that recur in most graphs of a set, whatever the position: those active in most graphs first.
// @param k INTEGER = 20 -- how many
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
// @returns graphs INTEGER -- number of graphs in which it is active
// @returns influence FLOAT -- mean, over these graphs, of the share of the logits that flows through it
// @returns influence_sd FLOAT -- the population standard deviation of that share
// @returns n_graphs INTEGER -- number of graphs of the set
CYPHER 25
@most_recurring LIMIT $k
// result
RETURN f {@feature} AS feature, graphs, influence, influence_sd, n_graphs
// visual: The transcoder features that recur in most graphs, each with its most influential activations.
WITH collect(f) AS features WITH features, @names_or_all AS names
UNWIND features AS f
CALL (f, names) {
  MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE n.graph IN names
  RETURN n ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 5
}
MATCH p = (f)<-[:ACTIVATION_OF]-(n) RETURN p LIMIT 200
