// Given paths, as far as there are direct effects along them.
CYPHER 25
UNWIND $paths AS path
UNWIND range(0, size(path) - 2) AS i
MATCH p = (:Node {graph: $graph, key: path[i]})-[:DIRECT_EFFECT]->(:Node {graph: $graph, key: path[i + 1]})
RETURN p LIMIT 300
