// The nodes through which most of the logits flows, each with the share that it and all stronger ones carry.
// @param graph STRING -- the graph's name
// @param kinds LIST<STRING> = [] -- only nodes of these kinds; all but logits when empty
// @param share FLOAT = 1.0 -- stop when this share of the influence is carried: the smallest set that does
// @param k INTEGER = 20 -- at most this many
// @param influences LIST<FLOAT> = null -- what flows through each node by ordinal; the stored influence on all logits when null
// @returns node MAP -- the node
// @returns influence FLOAT -- its influence
// @returns cumulative_share FLOAT -- influence of it and all before it, of all nodes asked for
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND (split(n.key, ':')[0] IN $kinds OR $kinds = [] AND NOT n.key STARTS WITH 'logit:')
WITH n, coalesce($influences[n.ordinal], n.influence) AS influence WHERE influence > 0.0
WITH n, influence ORDER BY influence DESC, n.ordinal
WITH collect(n) AS nodes, collect(influence) AS influences, sum(influence) AS total
WITH nodes, influences, total, reduce(
  sums = [0.0], influence IN influences[..$k] | sums + [sums[-1] + influence]
) AS sums
UNWIND range(0, size(sums) - 2) AS i
WITH nodes[i] AS n, influences[i] AS influence, sums[i] / total AS before, sums[i + 1] / total AS cumulative_share, i
WHERE before < $share
RETURN n {.key, .name, .layer, .position, .index, .source_id} AS node, influence, cumulative_share
ORDER BY i LIMIT 10000
