// Number of nodes of a graph in a range, of direct effects on them, and the sum of their weights, counted one by one.
// @internal
// @param first INTEGER = 0 -- ordinal of the first node
// @param stop INTEGER = 1000 -- ordinal after the last node
// @returns nodes INTEGER -- number of nodes
// @returns edges INTEGER -- number of direct effects
// @returns weights FLOAT -- sum of their weights
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop
CALL (n) { MATCH (n)<-[r:DIRECT_EFFECT]-() RETURN count(r) AS edges, sum(r.weight) AS weights }
RETURN count(n) AS nodes, sum(edges) AS edges, sum(weights) AS weights LIMIT 1
