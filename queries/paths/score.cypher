// The weights along given paths; the weight of a step without a direct effect is null.
// @param graph STRING -- the graph's name
// @param paths LIST<LIST<STRING>> -- paths, each the keys of its nodes from source to target
// @returns path INTEGER -- place of the path in `paths`, from 0
// @returns nodes LIST<MAP> -- its nodes
// @returns weights LIST<FLOAT> -- the weights of its steps
CYPHER 25
UNWIND range(0, size($paths) - 1) AS path
CALL (path) {
  UNWIND range(0, size($paths[path]) - 1) AS i
  MATCH (n:Node {graph: $graph, key: $paths[path][i]})
  OPTIONAL MATCH (n)-[r:DIRECT_EFFECT]->(:Node {graph: $graph, key: $paths[path][i + 1]})
  WITH i, n, r ORDER BY i
  RETURN collect(n {.key, .name, .layer, .position, .index, .source_id}) AS nodes,
         collect({step: i, weight: r.weight}) AS steps
}
RETURN path, nodes, [s IN steps WHERE s.step < size($paths[path]) - 1 | s.weight] AS weights
ORDER BY path LIMIT 10000
