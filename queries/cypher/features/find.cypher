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
CALL () {
  MATCH (f:TranscoderFeature {layer: $layer, index: $index}) RETURN f
UNION
  WITH 1 AS once WHERE $name <> ''
  MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND $model IN ['', g.model]
  MATCH (n:Node {graph: g.name, name: $name})-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN f
}
WITH f WHERE $model IN ['', f.model] AND $source_set IN ['', f.source_set]
  AND $component IN ['', coalesce(f.component, 'transcoder')]
  AND EXISTS { // One activation is enough, so that thousands need not be looked at.
    MATCH (f)<-[:ACTIVATION_OF]-(n:Node)
    MATCH (:Graph {name: n.graph, status: 'ready'})
  }
// result
RETURN f {@feature} AS feature, COUNT { (f)<-[:ACTIVATION_OF]-() } AS activations
ORDER BY activations DESC, f.model, f.source_set, f.layer, f.index LIMIT @MAX_MATCHES
// visual: The transcoder features that an address can mean, and their activations.
MATCH p = (f)<-[:ACTIVATION_OF]-(n:Node) WHERE @in_original(n)
RETURN p ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 100
