// @internal The transcoder features of a set, by their places.
// @param model STRING -- the language model
// @param places LIST<LIST> -- source set, layer and index of each
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
CYPHER 25
UNWIND $places AS place
MATCH (f:TranscoderFeature {model: $model, source_set: place[0], layer: place[1], index: place[2]})
RETURN f {@feature} AS feature LIMIT @MAX_ROWS
