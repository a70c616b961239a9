// The transcoder features that are active in every graph of a set, and in none of another set, whatever the position;
// ordered by their smallest influence in any of them. Without another set: what the graphs have in common.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, for their graphs except collapsed ones and aggregates
// @param without LIST<STRING> = [] -- names of graphs in which they are not active
// @param without_tags LIST<STRING> = [] -- tags of graphs in which they are not active
// @param k INTEGER = 20 -- how many
// @returns feature MAP -- model, source_set, layer, index and explanation of the transcoder feature
// @returns occurrences LIST<MAP> -- of each graph: graph, positions, activation (the largest) and influence (summed)
// @returns influence FLOAT -- the least influence it has in any of the graphs: what they have in common
// @returns total INTEGER -- number of such features, whatever k
CYPHER 25
// A graph of both sets belongs to the one where it is named, else to the first. To look up thousands of names to leave
// out would take longer than all else, and those that do not exist leave nothing out.
WITH @names_of($graphs, $tags) AS names, $without + @names_of([], $without_tags) AS others
WITH [name IN names WHERE name IN $graphs OR NOT name IN $without] AS names, others
WITH names, [name IN others WHERE NOT name IN names] AS others
WITH names, others, size(names) + size(others) AS all_graphs
CALL (names, others, all_graphs) {
  WITH names, others, all_graphs WHERE @are_few(all_graphs)
  UNWIND [name IN names | [name, false]] + [name IN others | [name, true]] AS row
  WITH size(names) AS n_graphs, row[0] AS name, row[1] AS is_other
  @active(name)
  WITH n_graphs, f, collect(n) AS nodes, count(DISTINCT name) AS graphs,
    count(CASE WHEN is_other THEN 1 END) AS elsewhere
  WHERE graphs = n_graphs AND elsewhere = 0
  RETURN f, nodes
UNION ALL
  // The features of the smallest graph that may be active in all of the first graphs.
  WITH names, others, all_graphs WHERE NOT @are_few(all_graphs)
  CALL (names) {
    UNWIND names AS name
    MATCH (g:Graph {name: name}) RETURN g.name AS smallest ORDER BY g.nodes, g.name LIMIT 1
  }
  @active(smallest)
  WITH DISTINCT names, size(names) AS n_graphs, others, f
  WHERE COUNT { (f)<-[:ACTIVATION_OF]-() } >= n_graphs // Neo4j keeps this number
    AND NOT EXISTS { (f)<-[:ACTIVATION_OF]-(m:Node) WHERE m.graph IN others }
  MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE n.graph IN names
  WITH n_graphs, f, collect(n) AS nodes, count(DISTINCT n.graph) AS graphs WHERE graphs = n_graphs
  RETURN f, nodes
}
CALL (nodes) {
  UNWIND nodes AS n
  WITH n ORDER BY n.position
  WITH n.graph AS graph, collect(n.position) AS positions, max(n.activation) AS activation,
    sum(coalesce(n.influence, 0.0)) AS influence
  ORDER BY graph
  RETURN collect({graph: graph, positions: positions, activation: activation, influence: influence}) AS occurrences,
    min(influence) AS influence
}
// result
WITH f, occurrences, influence ORDER BY influence DESC, f.model, f.source_set, f.layer, f.index
WITH collect([f, occurrences, influence]) AS found
UNWIND range(0, size(found[..$k]) - 1) AS i
// collect() leaves the list of all behind, which would be counted as memory of each row that is sorted.
WITH i, size(found) AS total, head(collect(found[i])) AS one
WITH i, total, one[0] AS f, one[1] AS occurrences, one[2] AS influence
RETURN f {@feature} AS feature, occurrences, influence, total ORDER BY i LIMIT @MAX_NEIGHBORS
// visual: The transcoder features that are active in the graphs of the one set alone, with their activations.
WITH f, nodes, influence ORDER BY influence DESC, f.model, f.source_set, f.layer, f.index LIMIT $k
UNWIND nodes AS n
MATCH p = (n)-[:ACTIVATION_OF]->(f) RETURN p LIMIT 200
