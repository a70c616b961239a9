// The nodes of a graph whose name or explanation contains a text, and the strongest direct effects of each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND ($kinds = [] OR split(n.key, ':')[0] IN $kinds)
  AND ($layers = [] OR n.layer IN $layers) AND ($positions = [] OR n.position IN $positions)
WITH n, [n.name] + coalesce(head(COLLECT { MATCH (n)-[:ACTIVATION_OF]->(f) RETURN f.explanations LIMIT 1 }), []) AS texts
WHERE any(text IN texts WHERE toLower(text) CONTAINS toLower($text))
WITH n ORDER BY n.ordinal LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)-[r:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
