// The transcoder features that are active in both graphs at the same place, the most influential first, with their
// activations in each.
CYPHER 25
MATCH (a:Graph {name: $a}), (b:Graph {name: $b}) WHERE a.status = 'ready' AND b.status = 'ready'
UNWIND [
  {name: a.name, side: 0, n_pos: a.n_pos, set: ''},
  {name: b.name, side: 1, n_pos: b.n_pos,
   set: CASE WHEN a.model = b.model AND a.source_set = b.source_set THEN '' ELSE ' of ' + b.source_set END}
] AS g
WITH g {.*, from_start: g.n_pos > 1 AND a.tokens[0] = b.tokens[0], by_text: a.model <> b.model} AS g
MATCH (n:Node {graph: g.name}) WHERE n.key STARTS WITH 'feature:'
WITH g, n, CASE
    WHEN n.key STARTS WITH 'feature:' THEN split(n.key, '@')[0] + g.set
    WHEN n.key STARTS WITH 'token:' OR n.key STARTS WITH 'logit:' AND g.by_text
      THEN split(n.key, ':')[0] + ':' + coalesce(n.token, n.name)
    ELSE split(n.key, '@')[0] END +
  CASE WHEN $align = 'feature' OR n.position IS NULL OR n.key STARTS WITH 'logit:' THEN ''
    WHEN $align = 'exact' OR n.position = 0 AND g.from_start THEN '@' + n.position
    ELSE '@' + (n.position - g.n_pos) END AS identity
ORDER BY n.ordinal
WITH identity, collect(CASE g.side WHEN 0 THEN n END) AS a, collect(CASE g.side WHEN 1 THEN n END) AS b
WHERE a <> [] AND b <> [] AND ($keys = [] OR any(n IN a + b WHERE n.key IN $keys))
WITH a, b, identity, reduce(sum = 0.0, n IN a + b | sum + coalesce(n.influence, 0.0)) AS influence
ORDER BY influence DESC, identity LIMIT $k
UNWIND a AS n UNWIND b AS m
MATCH p = (n)-[:ACTIVATION_OF]->(:TranscoderFeature)<-[:ACTIVATION_OF]-(m)
RETURN p LIMIT 100
