// The weights along given paths; the weight of a step without a direct effect is null.
// @param paths LIST<LIST<STRING>> -- paths, each the keys of its nodes from source to target
// @returns path INTEGER -- place of the path in `paths`, from 0
// @returns nodes LIST<MAP> -- its nodes
// @returns weights LIST<FLOAT> -- the weights of its steps
// @returns values LIST<FLOAT> -- for each step, what the score takes: the weight
// @returns graphs LIST<INTEGER> -- for each step, how many graphs have the effect; null but in an aggregate
// @returns input_sums LIST<FLOAT> -- for each step, the sum of |weight| of all inputs of where it leads
CYPHER 25
UNWIND range(0, size($paths) - 1) AS path
CALL (path) {
  UNWIND range(0, size($paths[path]) - 1) AS i
  MATCH (source:Node {graph: $graph, key: $paths[path][i]})
  OPTIONAL MATCH (source)-[r:DIRECT_EFFECT]->(target:Node {graph: $graph, key: $paths[path][i + 1]})
  WITH i, source, target, r, r.weight AS weight, target.input_sum AS input_sum ORDER BY i
  RETURN collect(source {@node}) AS nodes, collect({step: i, weight: weight, graphs: r.graphs,
           value: /* edge value */ weight, input_sum: input_sum}) AS steps
}
// A path of n nodes has n - 1 steps: the last node has none.
WITH path, nodes, [step IN steps WHERE step.step < size($paths[path]) - 1] AS steps
RETURN path, nodes, [step IN steps | step.weight] AS weights, [step IN steps | step.value] AS values,
       [step IN steps | step.graphs] AS graphs, [step IN steps | step.input_sum] AS input_sums
ORDER BY path LIMIT @MAX_PATHS
// visual: Given paths, as far as there are direct effects along them.
CYPHER 25
UNWIND $paths AS path
UNWIND range(0, size(path) - 2) AS i
MATCH p = (:Node {graph: $graph, key: path[i]})-[:DIRECT_EFFECT]->(:Node {graph: $graph, key: path[i + 1]})
RETURN p LIMIT 300
