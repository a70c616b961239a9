// @internal The graphs that names and tags mean together, or all. Those of the same sets and tags are in one row, as
// columns: each row takes the client some 25 microseconds, and there may be a hundred thousand graphs.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, for all their graphs; when both are empty, all graphs not made from others
// @returns shared MAP -- source_set and lorsa_source_set, each with the model; is_original; tagged: which of the tags;
//   has_influence: whether the influence of nodes is defined
// @returns names LIST<STRING> -- the names of such graphs, empty for one that was deleted just now
// @returns versions LIST<STRING> -- of each its version, empty if it was published before there were versions
// @returns contents LIST<STRING> -- of each its content hash, the same for graphs with the same content
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g, null AS tag
UNION ALL
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g, t.name AS tag
UNION ALL
  WITH 1 AS once WHERE $graphs = [] AND $tags = []
  MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND @is_original(g) RETURN g, null AS tag
}
WITH g, collect(tag) AS tagged LIMIT @MAX_ROWS
WITH g.model AS model, g.source_set AS transcoders, g.lorsa_source_set AS lorsas, @is_original(g) AS original, tagged,
  g.completeness_score IS NOT NULL AS has_influence,
  collect(coalesce(g.name, '')) AS names, collect(coalesce(g.version, '')) AS versions,
  collect(coalesce(g.content_hash, '')) AS contents
RETURN {source_set: model + ' / ' + transcoders, lorsa_source_set: model + ' / ' + lorsas, is_original: original,
        tagged: tagged, has_influence: has_influence} AS shared, names, versions, contents LIMIT @MAX_ROWS
