// The transcoder features that are active in every graph of a set, and in none of another set, whatever the position.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, which stand for all their graphs
// @param without LIST<STRING> = [] -- names of graphs in which they are not active
// @param without_tags LIST<STRING> = [] -- tags of graphs in which they are not active
// @param k INTEGER = 20 -- how many
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
// @returns occurrences LIST<MAP> -- of each graph: graph, positions, activation (the largest) and influence (summed)
// @returns influence FLOAT -- the least influence it has in any of the graphs: what they have in common
// @returns total INTEGER -- number of such features, whatever k
CYPHER 25
CALL () {
  MATCH (g:Graph) WHERE g.name IN $graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $tags AND g.status = 'ready' RETURN g
}
WITH collect(g.name) AS names, count(g) AS wanted
CALL () {
  MATCH (g:Graph) WHERE g.name IN $without AND g.status = 'ready' RETURN g.name AS other
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN $without_tags AND g.status = 'ready' RETURN g.name AS other
}
WITH names, wanted, collect(other) AS others
UNWIND [name IN names | [name, false]] + [name IN others | [name, true]] AS row
WITH wanted, row[0] AS name, row[1] AS is_other
MATCH (n:Node {graph: name}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH wanted, f, collect(n) AS nodes, count(DISTINCT name) AS graphs, max(CASE WHEN is_other THEN 1 ELSE 0 END) AS elsewhere
WHERE graphs = wanted AND elsewhere = 0
CALL (nodes) {
  UNWIND nodes AS n
  WITH n ORDER BY n.position
  WITH n.graph AS graph, collect(n.position) AS positions, max(n.activation) AS activation,
    sum(coalesce(n.influence, 0.0)) AS influence
  ORDER BY graph
  RETURN collect({graph: graph, positions: positions, activation: activation, influence: influence}) AS occurrences,
    min(influence) AS influence
}
WITH f, occurrences, influence ORDER BY influence DESC, f.layer, f.index
WITH collect([f, occurrences, influence]) AS found
UNWIND range(0, size(found[..$k]) - 1) AS place
WITH size(found) AS total, place, found[place][0] AS f, found[place][1] AS occurrences, found[place][2] AS influence
RETURN f {.model, .source_set, .layer, .index, .explanation} AS feature, occurrences, influence, total
ORDER BY place LIMIT 10000
