// What makes an attention feature attend: the pairs of a query and a key that add most to its attention score, and the
// nodes that add most at the query's and at the key's position. These are not direct effects.
// @param key STRING -- the key of an attention feature, for instance feature:9/lorsa/9838@14
// @param k INTEGER = 100 -- how many pairs, and how many nodes of each side
// @returns what STRING -- pair, query or key
// @returns query MAP -- the node at the query's position; null for a key
// @returns key MAP -- the node at the key's position; null for a query
// @returns value FLOAT -- what it adds to the attention score
// @returns place INTEGER -- its place in the file's list
CYPHER 25
MATCH (attention:Node {graph: $graph, key: $key})
CALL (attention) {
  CALL (attention) {
    MATCH (q:Node {graph: $graph}) WHERE @indexed(q.ordinal) AND attention.component = 'lorsa' RETURN q
  UNION ALL
    MATCH (:Graph {name: $graph})-[:QK_ONLY]->(q:QkOnlyNode) RETURN q
  }
  MATCH p = (q)-[r:QK_PAIR {attention: $key}]->(k)
  RETURN 'pair' AS what, p, q, k, r.value AS value, r.place AS place ORDER BY abs(value) DESC, place LIMIT $k
UNION ALL
  MATCH p = (q)-[r:QK_MARGINAL {side: 'query'}]->(attention)
  RETURN 'query' AS what, p, q, null AS k, r.value AS value, r.place AS place ORDER BY abs(value) DESC, place LIMIT $k
UNION ALL
  MATCH p = (k)-[r:QK_MARGINAL {side: 'key'}]->(attention)
  RETURN 'key' AS what, p, null AS q, k, r.value AS value, r.place AS place ORDER BY abs(value) DESC, place LIMIT $k
}
// result
RETURN what, q {@node} AS query, k {@node} AS key, value, place
ORDER BY CASE what WHEN 'pair' THEN 0 WHEN 'query' THEN 1 ELSE 2 END, abs(value) DESC, place LIMIT 3 * $k
// visual: An attention feature, and the pairs and nodes that add most to its attention score.
RETURN p LIMIT 300
