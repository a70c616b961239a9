// How much of the logits flows through each token, layer, kind or transcoder feature. It counts for each node of a
// path, so layers and kinds overlap. Only nodes where paths begin, such as tokens and errors, add up to the logits.
// @param by STRING = "layer" -- layer, position, kind or feature
// @param kinds LIST<STRING> = [] -- only nodes of these kinds; all but logits when empty
// @param k INTEGER = 100 -- at most this many groups
// @param influences LIST<FLOAT> = null -- what flows through each node by ordinal; the stored influence when null
// @returns group STRING -- the layer, position, kind or feature
// @returns nodes INTEGER -- how many nodes
// @returns influence FLOAT -- their influence in all
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
  AND (@kind(n) IN $kinds OR $kinds = [] AND NOT n.key STARTS WITH 'logit:')
WITH n, coalesce($influences[n.ordinal], n.influence) AS influence, CASE $by
  WHEN 'layer' THEN toString(n.layer) WHEN 'position' THEN toString(n.position)
  WHEN 'kind' THEN @kind(n) ELSE @anywhere(n) END AS group
WHERE group IS NOT NULL AND influence > 0.0
// result
WITH group, count(n) AS nodes, sum(influence) AS influence
RETURN group, nodes, influence ORDER BY influence DESC, group LIMIT $k
// visual: The most influential node of each group, and its strongest direct effects.
WITH group, n, influence ORDER BY influence DESC, n.ordinal
WITH group, head(collect(n)) AS n, sum(influence) AS influence
WITH n, influence ORDER BY influence DESC, group LIMIT $k
WITH n LIMIT 50
@drawn(n)
