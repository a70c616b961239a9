// @internal What aggregates and comparisons need of the nodes of graphs: of each, columns in the order of its file.
// @param graphs LIST<STRING> -- names of graphs, at most 100, each once
// @param prefix STRING = "" -- only nodes whose keys start with this
// @param align STRING = "relative" -- as in compare.nodes
// @param from_start BOOLEAN = false -- whether a first token is counted from the start where positions are relative
// @returns graph STRING -- the graph's name
// @returns identities LIST<STRING> -- what each node is aligned by, as in compare.nodes
// @returns layers LIST<INTEGER> -- their layers, -1 for tokens and logits
// @returns indices LIST<INTEGER> -- their indices, -1 where there is none
// @returns tokens LIST<STRING> -- texts of tokens and logits, or else an empty text
// @returns activations LIST<FLOAT> -- their activations, NaN where there is none
// @returns influences LIST<FLOAT> -- their influence, 0 where there is none
// @returns probabilities LIST<FLOAT> -- the probabilities of logits, NaN for other nodes
// @returns input_sums LIST<FLOAT> -- the sums of |weight| over their inputs
CYPHER 25
UNWIND $graphs AS graph MATCH (g:Graph {name: graph}) WHERE g.status = 'ready' WITH graph, g.n_pos AS n_pos
WITH graph, {source_set: '', lorsa_set: '', by_text: false, n_pos: n_pos, from_start: $from_start AND n_pos > 1} AS side
CALL (graph, side) {
  MATCH (n:Node {graph: graph}) WHERE n.key STARTS WITH $prefix
  WITH n, @identity(n, side) AS identity ORDER BY n.ordinal LIMIT 200000
  RETURN collect(identity) AS identities, collect(coalesce(n.layer, -1)) AS layers,
    collect(coalesce(n.index, -1)) AS indices,
    collect(coalesce(n.token, CASE WHEN n.key STARTS WITH 'token:' THEN n.name ELSE '' END)) AS tokens,
    collect(coalesce(n.activation, NaN)) AS activations, collect(coalesce(n.influence, 0.0)) AS influences,
    collect(coalesce(n.probability, NaN)) AS probabilities, collect(coalesce(n.input_sum, 0.0)) AS input_sums
}
RETURN graph, identities, layers, indices, tokens, activations, influences, probabilities, input_sums LIMIT 100
