// @internal What each node of two graphs is aligned by, as in compare.nodes, as columns in the order of their files.
// @returns number INTEGER -- 0 for a, 1 for b
// @returns identities LIST<STRING> -- the identity of each node
// @returns influences LIST<FLOAT> -- the influence of each node; 0 where it has none
CYPHER 25
@aligned_nodes
WITH side.number AS number, n, identity ORDER BY number, n.ordinal LIMIT 200000
RETURN number, collect(identity) AS identities, collect(coalesce(n.influence, 0.0)) AS influences ORDER BY number
