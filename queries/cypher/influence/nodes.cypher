// The nodes through which most of the logits flows, each with the share that it and all stronger ones carry.
// @param kinds LIST<STRING> = [] -- only nodes of these kinds; all but logits when empty
// @param share FLOAT = 1.0 -- stop when this share of the influence is carried: the smallest set that does
// @param k INTEGER = 20 -- at most this many
// @param influences LIST<FLOAT> = null -- what flows through each node by ordinal; the stored influence when null
// @returns node MAP -- the node
// @returns influence FLOAT -- its influence
// @returns cumulative_share FLOAT -- influence of it and all before it, of all nodes asked for
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
  AND (@kind(n) IN $kinds OR $kinds = [] AND NOT n.key STARTS WITH 'logit:')
WITH n, coalesce($influences[n.ordinal], n.influence) AS influence WHERE influence > 0.0
WITH n, influence ORDER BY influence DESC, n.ordinal
WITH collect(n) AS nodes, collect(influence) AS influences, sum(influence) AS total
// sums[i]: the influence of the first i nodes.
WITH nodes, influences, total,
  reduce(sums = [0.0], influence IN influences[..$k] | sums + [sums[-1] + influence]) AS sums
UNWIND range(0, size(sums) - 2) AS i
WITH nodes, i, nodes[i] AS n, influences[i] AS influence, sums[i] / total AS before,
     sums[i + 1] / total AS cumulative_share
WHERE before < $share OR $share >= 1.0 // rounding can bring the sum to 1 before the last node
// result
// collect() leaves the lists behind, which would be counted as memory of each row that is sorted.
WITH i, head(collect(n {@node})) AS node, head(collect(influence)) AS influence,
     head(collect(cumulative_share)) AS cumulative_share
RETURN node, influence, cumulative_share ORDER BY i LIMIT @MAX_PATHS
// visual: The nodes through which most of the logits flows, and the direct effects among them.
WITH nodes[..$k][..100] AS nodes, n, i WHERE i < 100
CALL (n, nodes) {
  OPTIONAL MATCH effect = (n)<-[r:DIRECT_EFFECT]-(m) WHERE m IN nodes
  RETURN effect ORDER BY abs(r.weight) DESC LIMIT 5
}
MATCH alone = (n) RETURN coalesce(effect, alone) AS p LIMIT 300
