// The two-hop motifs that recur in most graphs of a set, whatever the position: a feature acts on a second one, which
// acts on a third or on a logit. Each effect is among the strongest, by |weight|, of features on the second or of it on
// features and logits. The second is one of @MOTIF_FEATURES that recur in most graphs. With effects of other signs, it
// is another motif; so it is with features of other source sets. All graphs are of one model.
// @param features LIST<LIST> = [] -- model, source set, layer and index of what the second may be, instead of those
// @param width INTEGER = 3 -- how many of the strongest effects each way
// @param k INTEGER = 20 -- how many
// @returns graphs INTEGER -- number of graphs that have the motif
// @returns nodes LIST<MAP> -- its three nodes, as they are in one of the graphs, with that graph's name
// @returns feature MAP -- the transcoder feature of the second
// @returns weight_in FLOAT -- mean direct effect of the first on the second, over all places where the motif is
// @returns weight_out FLOAT -- the same for the second on the third
// @returns n_graphs INTEGER -- number of graphs of the set
CYPHER 25
CALL () {
  WITH true AS none_given WHERE $features = []
  @most_recurring LIMIT @MOTIF_FEATURES
  RETURN f
UNION
  UNWIND $features AS place
  MATCH (f:TranscoderFeature {model: place[0], source_set: place[1], layer: place[2], index: place[3]}) RETURN f
}
WITH collect(f) AS features WITH features, @names_or_all AS names
WITH features, names, size(names) AS n_graphs,
  COUNT { MATCH (g:Graph) WHERE g.name IN names RETURN DISTINCT g.source_set, g.lorsa_source_set } > 1 AS are_mixed
CALL (features, names, n_graphs) {
  WITH features, names, n_graphs WHERE @are_few(n_graphs) UNWIND names AS name
  @active(name) WHERE f IN features RETURN n, f
UNION ALL
  WITH features, names, n_graphs WHERE NOT @are_few(n_graphs) UNWIND features AS f
  MATCH (n:Node)-[:ACTIVATION_OF]->(f) WHERE n.graph IN names RETURN n, f
}
WITH n_graphs, are_mixed, f, n
// The strongest effects on each activation. The same motif in several graphs has ends that differ in nothing but the
// position, and effects of the same signs. Where the graphs have several source sets, ends are of the same one. A motif
// is in no more graphs than its first effect: rare ones end here.
CALL (n) {
  MATCH (n)<-[r:DIRECT_EFFECT]-(m:Feature)
  RETURN m AS source, r.weight AS weight_in ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $width
}
WITH n_graphs, are_mixed, f, @place(source) AS first, sign(weight_in) AS sign_in, count(DISTINCT n.graph) AS graphs,
  collect({n: n, source: source, weight: weight_in}) AS found
WHERE graphs >= 2 AND graphs >= @share_of(n_graphs)
UNWIND found AS one
WITH n_graphs, are_mixed, f, one.n AS n,
  collect({first: first, sign: sign_in, source: one.source, weight: one.weight}) AS inputs
// The strongest effects of each activation that has such inputs.
CALL (n) {
  MATCH (n)-[r:DIRECT_EFFECT]->(m:Feature|Logit)
  RETURN m AS target, r.weight AS weight_out ORDER BY abs(r.weight) DESC, m.ordinal LIMIT $width
}
UNWIND inputs AS input
WITH n_graphs, f, input.first AS first, input.sign AS sign_in, @place(target) AS last, sign(weight_out) AS sign_out,
  count(DISTINCT n.graph) AS graphs, avg(input.weight) AS weight_in, avg(weight_out) AS weight_out,
  collect([input.source, n, target]) AS occurrences
WHERE graphs >= 2 AND graphs >= @share_of(n_graphs)
ORDER BY graphs DESC, abs(weight_in) + abs(weight_out) DESC, first, f.model, f.source_set, f.layer, f.index, last,
  weight_in, weight_out LIMIT $k
CALL (occurrences) {
  UNWIND occurrences AS nodes
  WITH nodes, nodes[0] AS source, nodes[1] AS n, nodes[2] AS target
  RETURN nodes ORDER BY n.graph, n.ordinal, source.ordinal, target.ordinal LIMIT 1
}
// result
RETURN graphs, [n IN nodes | n {.graph, @node}] AS nodes, f {@feature} AS feature, weight_in, weight_out, n_graphs
ORDER BY graphs DESC, abs(weight_in) + abs(weight_out) DESC, first, f.model, f.source_set, f.layer, f.index, last,
  weight_in, weight_out
// visual: The two-hop motifs that recur in most graphs, each as it is in one of them.
WITH graphs, nodes[0] AS a, nodes[1] AS b, nodes[2] AS c
MATCH p = (a)-[:DIRECT_EFFECT]->(b)-[:DIRECT_EFFECT]->(c) RETURN p ORDER BY graphs DESC LIMIT 100
