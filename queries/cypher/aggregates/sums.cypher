// @internal The sums that an aggregate was made from: a file of numpy, compressed by zlib, in blocks.
// @returns data BYTES -- the next part of the file
CYPHER 25
MATCH (g:Graph {name: $graph})-[:AGGREGATE_SUMS]->(s:AggregateSums)
RETURN s.data AS data ORDER BY s.block LIMIT 1000
