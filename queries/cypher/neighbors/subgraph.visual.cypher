// The neighbourhood of a node, several hops wide.
UNWIND edges AS r
WITH DISTINCT startNode(r) AS source, r, endNode(r) AS target
MATCH p = (source)-[r]->(target)
RETURN p LIMIT 300
