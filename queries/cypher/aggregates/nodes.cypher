// What an aggregate needs of the nodes of a graph, as columns in the order of its file.
// @internal
// @param graph STRING -- the graph's name
// @param align STRING = "relative" -- as in compare.nodes
// @param from_start BOOLEAN = false -- whether a first token is counted from the start where positions are relative
// @returns identities LIST<STRING> -- what each node is aligned by, as in compare.nodes
// @returns layers LIST<INTEGER> -- their layers, -1 for tokens and logits
// @returns indices LIST<INTEGER> -- their indices, -1 where there is none
// @returns tokens LIST<STRING> -- texts of tokens and logits, or else an empty text
// @returns numbers LIST<LIST> -- activation, influence, probability and input_sum of each, NaN where there is none
CYPHER 25
MATCH (g:Graph {name: $graph}) WHERE g.status = 'ready'
WITH {source_set: '', lorsa_set: '', by_text: false, n_pos: g.n_pos, from_start: $from_start AND g.n_pos > 1} AS side
MATCH (n:Node {graph: $graph}) WHERE @indexed(n.ordinal)
WITH n, @identity(n, side) AS identity ORDER BY n.ordinal LIMIT 200000
RETURN collect(identity) AS identities, collect(coalesce(n.layer, -1)) AS layers,
       collect(coalesce(n.index, -1)) AS indices,
       collect(coalesce(n.token, CASE WHEN n.key STARTS WITH 'token:' THEN n.name ELSE '' END)) AS tokens,
       collect([coalesce(n.activation, NaN), coalesce(n.influence, 0.0), coalesce(n.probability, NaN),
                coalesce(n.input_sum, 0.0)]) AS numbers
LIMIT 1
