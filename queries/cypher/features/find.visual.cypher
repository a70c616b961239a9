// The transcoder features that an address can mean, and their activations.
CYPHER 25
MATCH (g:Graph) WHERE g.name IS NOT NULL AND $model IN ['', g.model] AND $source_set IN ['', g.source_set]
WITH g.model AS model, g.source_set AS source_set, collect(CASE WHEN $name <> '' AND g.status = 'ready' THEN g.name END) AS names
CALL (model, source_set, names) {
  MATCH (f:TranscoderFeature {model: model, source_set: source_set, layer: $layer, index: $index}) RETURN f
UNION
  UNWIND names AS graph
  MATCH (n:Node {graph: graph, name: $name})-[:ACTIVATION_OF]->(f:TranscoderFeature) RETURN f
}
WITH DISTINCT f
MATCH p = (f)<-[:ACTIVATION_OF]-(n:Node) WHERE NOT (n.graph CONTAINS '~' OR n.graph ENDS WITH ':collapsed')
RETURN p ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 100
