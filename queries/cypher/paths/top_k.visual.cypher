// The k paths with the best score, step by step.
UNWIND range(0, size(prefixes) - 1) AS place
WITH prefixes[place].path AS path
UNWIND range(0, size(path) - 2) AS i
WITH DISTINCT path[i + 1] AS source, path[i] AS target
MATCH p = (:Node {graph: $graph, ordinal: source})-[:DIRECT_EFFECT]->(:Node {graph: $graph, ordinal: target})
RETURN p LIMIT 300
