// How many transcoder features are active in how many graphs of a set and of a baseline, whatever the position; and
// those with the most influence in the set.
// @param graphs LIST<STRING> -- names of the graphs of the set
// @param baseline LIST<STRING> -- names of the graphs of the baseline
// @param k INTEGER = 20 -- how many features of each pair of numbers to name
// @returns graphs INTEGER -- a number of graphs of the set
// @returns baseline INTEGER -- a number of graphs of the baseline
// @returns n_features INTEGER -- number of features that are active in so many graphs
// @returns features LIST<MAP> -- feature, influence (mean over the set) and influence_sd of those with the most
CYPHER 25
UNWIND [name IN $graphs | [name, true]] + [name IN $baseline | [name, false]] AS row
WITH row[0] AS name, row[1] AS is_first
@active(name)
WITH f, name, is_first, sum(coalesce(n.influence, 0.0)) AS influence
WITH f, count(CASE WHEN is_first THEN name END) AS graphs, count(CASE WHEN NOT is_first THEN name END) AS baseline,
  sum(CASE WHEN is_first THEN influence ELSE 0.0 END) / size($graphs) AS influence,
  sum(CASE WHEN is_first THEN influence ^ 2 ELSE 0.0 END) / size($graphs) AS square
ORDER BY influence DESC, f.model, f.source_set, f.layer, f.index
WITH graphs, baseline, count(f) AS n_features, collect({node: f, feature: f {@feature}, influence: influence,
  influence_sd: sqrt(CASE WHEN square > influence ^ 2 THEN square - influence ^ 2 ELSE 0.0 END)})[..$k] AS most
// result
RETURN graphs, baseline, n_features, [one IN most | one {.feature, .influence, .influence_sd}] AS features
ORDER BY graphs DESC, baseline LIMIT @MAX_ROWS
// visual: The transcoder features that are active in a larger share of the set than of the baseline.
UNWIND most AS one
WITH one.node AS f, toFloat(graphs) / size($graphs) - toFloat(baseline) / size($baseline) AS excess WHERE excess > 0
ORDER BY excess DESC, f.layer, f.index LIMIT $k
MATCH p = (f)<-[:ACTIVATION_OF]-(n:Node) WHERE n.graph IN $graphs RETURN p LIMIT 200
