// The features of a graph and their influence, as columns in order of their keys: sums are always the same.
// @internal
// @param graph STRING -- the graph's name
// @param align STRING = "relative" -- as in compare.nodes
// @param from_start BOOLEAN = false -- whether a first token is counted from the start where positions are relative
// @returns identities LIST<STRING> -- what each node is aligned by, as in compare.nodes
// @returns influences LIST<FLOAT> -- the influence of each node; 0 where it has none
CYPHER 25
MATCH (g:Graph {name: $graph}) WHERE g.status = 'ready'
WITH {source_set: '', lorsa_set: '', by_text: false, n_pos: g.n_pos, from_start: $from_start AND g.n_pos > 1} AS side
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'feature:'
WITH n, side ORDER BY n.key LIMIT 200000
WITH @identity(n, side) AS identity, coalesce(n.influence, 0.0) AS influence
RETURN collect(identity) AS identities, collect(influence) AS influences LIMIT 1
