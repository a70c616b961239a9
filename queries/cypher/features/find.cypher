// The transcoder features of the graphs in the database that an address can mean: a layer and index, or an explanation.
// @param layer INTEGER = -1 -- its layer, with an index
// @param index INTEGER = -1 -- its index in that layer
// @param component STRING = "" -- only features of this component, lorsa or transcoder
// @param name STRING = "" -- its explanation, as nodes are named by it
// @param model STRING = "" -- only of this language model
// @param source_set STRING = "" -- only of this set of transcoders or of lorsas
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
// @returns activations INTEGER -- number of nodes, of all graphs, that are activations of it
CYPHER 25
MATCH (g:Graph) WHERE @indexed(g.name) AND $model IN ['', g.model]
WITH g.model AS model, g.source_set AS transcoders, g.lorsa_source_set AS lorsas,
  collect(CASE WHEN $name <> '' AND g.status = 'ready' THEN g.name END) AS names
CALL (model, transcoders, lorsas, names) {
  UNWIND [transcoders, lorsas] AS source_set
  MATCH (f:TranscoderFeature {model: model, source_set: source_set, layer: $layer, index: $index}) RETURN f
UNION
  UNWIND names AS graph
  MATCH (n:Node {graph: graph, name: $name})-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN f
}
WITH DISTINCT f
WHERE $source_set IN ['', f.source_set] AND $component IN ['', coalesce(f.component, 'transcoder')]
// result
RETURN f {@feature} AS feature, COUNT { (f)<-[:ACTIVATION_OF]-() } AS activations
ORDER BY activations DESC, f.model, f.source_set, f.layer, f.index LIMIT 50
// visual: The transcoder features that an address can mean, and their activations.
MATCH p = (f)<-[:ACTIVATION_OF]-(n:Node) WHERE @in_original(n)
RETURN p ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 100
