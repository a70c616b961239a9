// The graphs that names and tags mean together, or all, their versions, and which of the tags each has. All are in one
// row: each row takes the client some 25 microseconds, and there may be a hundred thousand graphs.
// @internal
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs; without graphs and tags, all graphs of the
//   database but collapsed graphs and aggregates
// @returns graphs LIST<LIST> -- of each graph: name; version, null if it was published before there were versions;
//   content hash, the same for graphs with the same content; model and set of transcoders; model and set of lorsas,
//   null without one; whether it is neither collapsed nor an aggregate; those of the tags that it has
CYPHER 25
// No list of all names: rows that are sorted would keep it, and Neo4j counts its size once for each of them.
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g, null AS tag
UNION ALL
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g, t.name AS tag
UNION ALL
  WITH 1 AS once WHERE $graphs = [] AND $tags = []
  MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND @is_original(g) RETURN g, null AS tag
}
WITH g, collect(tag) AS tags ORDER BY g.name LIMIT @MAX_ROWS
RETURN collect([g.name, g.version, g.content_hash, g.model + ' / ' + g.source_set,
  g.model + ' / ' + g.lorsa_source_set, @is_original(g), tags]) AS graphs LIMIT 1
