// The nodes of a graph whose name or explanation contains a text, in any case.
// @param text STRING -- the text
// @param kinds LIST<STRING> = ["feature"] -- only nodes of these kinds; of all when empty
// @param layers LIST<INTEGER> = [] -- only nodes in these layers
// @param positions LIST<INTEGER> = [] -- only nodes at these positions
// @returns node MAP -- the node
CYPHER 25
MATCH (n:Node {graph: $graph})
WHERE @indexed(n.ordinal) AND @allowed(n) AND ($positions = [] OR n.position IN $positions)
WITH n, [n.name] + coalesce(head(COLLECT {
  MATCH (n)-[:ACTIVATION_OF]->(f) RETURN f.explanations LIMIT 1
}), []) AS texts
WHERE any(text IN texts WHERE toLower(text) CONTAINS toLower($text))
// result
RETURN n {@node, .ordinal} AS node ORDER BY node.ordinal LIMIT @MAX_ROWS
// visual: The nodes of a graph whose name or explanation contains a text, and the strongest direct effects of each.
WITH n ORDER BY n.ordinal LIMIT 50
@drawn(n)
