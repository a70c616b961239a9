// The transcoder features that are active at several positions of a graph's prompt, and the nodes of each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.key STARTS WITH 'feature:' AND n.index >= 0
  AND ($layers = [] OR n.layer IN $layers) AND ($positions = [] OR n.position IN $positions)
MATCH (n)-[:ACTIVATION_OF]->(f)
WITH f, collect(n) AS nodes, count(DISTINCT n.position) AS number WHERE number >= $least
WITH f, nodes ORDER BY size(nodes) DESC, f.layer, f.index LIMIT 50
UNWIND nodes AS n
MATCH p = (n)-[:ACTIVATION_OF]->(f)
RETURN p LIMIT 300
