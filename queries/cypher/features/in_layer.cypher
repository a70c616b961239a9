// @internal The transcoder features of one layer in the graphs of the database, for suggestions.
// @param layer INTEGER -- the layer
// @param model STRING = "" -- only of this language model
// @param source_set STRING = "" -- only of this set of transcoders, or lorsas
// @returns component STRING -- transcoder or lorsa, if it is known
// @returns index INTEGER -- index in the layer
CYPHER 25
MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND $model IN ['', g.model]
UNWIND [g.source_set, g.lorsa_source_set] AS source_set
WITH DISTINCT g.model AS model, source_set WHERE source_set IS NOT NULL AND $source_set IN ['', source_set]
MATCH (f:TranscoderFeature {model: model, source_set: source_set, layer: $layer})
WHERE @indexed(f.index) AND EXISTS { (f)<-[:ACTIVATION_OF]-() }
RETURN f.component AS component, f.index AS index ORDER BY index LIMIT 20000
