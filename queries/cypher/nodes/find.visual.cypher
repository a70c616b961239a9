// The nodes that an address can mean, and the strongest direct effects of each.
CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  AND ($kind = '' OR n.key STARTS WITH $kind + ':')
  AND ($kind <> '' AND n.key STARTS WITH $kind + ':' + $text + '@'
       OR toLower(n.name) = toLower($text) OR n.token = $text OR n.source_id = $text)
WITH n ORDER BY n.ordinal LIMIT 50
CALL (n) {
  OPTIONAL MATCH q = (n)-[r:DIRECT_EFFECT]-()
  RETURN q ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH p = (n)
RETURN coalesce(q, p) AS p LIMIT 150
