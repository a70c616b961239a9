// The nodes of a graph whose name or explanation contains a text, in any case.
// @param graph STRING -- the graph's name
// @param text STRING -- the text
// @param kinds LIST<STRING> = ["feature"] -- only nodes of these kinds; of all when empty
// @param layers LIST<INTEGER> = [] -- only nodes in these layers
// @param positions LIST<INTEGER> = [] -- only nodes at these positions
// @returns node MAP -- the node
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND ($kinds = [] OR split(n.key, ':')[0] IN $kinds)
  AND ($layers = [] OR n.layer IN $layers) AND ($positions = [] OR n.position IN $positions)
WITH n, [n.name] + coalesce(head(COLLECT { MATCH (n)-[:ACTIVATION_OF]->(f) RETURN f.explanations LIMIT 1 }), []) AS texts
WHERE any(text IN texts WHERE toLower(text) CONTAINS toLower($text))
RETURN n {.key, .name, .layer, .position, .index, .source_id, .ordinal} AS node
ORDER BY node.ordinal LIMIT 100000
