// The direct effects that differ most, in the graphs that have them.
CYPHER 25
MATCH (a:Graph {name: $a}), (b:Graph {name: $b}) WHERE a.status = 'ready' AND b.status = 'ready'
UNWIND [
  {name: a.name, side: 0, n_pos: a.n_pos, set: ''},
  {name: b.name, side: 1, n_pos: b.n_pos,
   set: CASE WHEN a.model = b.model AND a.source_set = b.source_set THEN '' ELSE ' of ' + b.source_set END}
] AS g
WITH g {.*, from_start: g.n_pos > 1 AND a.tokens[0] = b.tokens[0], by_text: a.model <> b.model} AS g
MATCH (n:Node {graph: g.name}) WHERE n.ordinal >= 0
WITH g, n, CASE
    WHEN n.key STARTS WITH 'feature:' THEN split(n.key, '@')[0] + g.set
    WHEN n.key STARTS WITH 'token:' OR n.key STARTS WITH 'logit:' AND g.by_text
      THEN split(n.key, ':')[0] + ':' + coalesce(n.token, n.name)
    ELSE split(n.key, '@')[0] END +
  CASE WHEN $align = 'feature' OR n.position IS NULL OR n.key STARTS WITH 'logit:' THEN ''
    WHEN $align = 'exact' OR n.position = 0 AND g.from_start THEN '@' + n.position
    ELSE '@' + (n.position - g.n_pos) END AS target
WHERE target STARTS WITH $into
WITH target, collect({g: g, node: n}) AS members
CALL (members) {
  UNWIND members AS member
  WITH member.g AS g, member.node AS t
  MATCH (t)<-[r:DIRECT_EFFECT]-(s:Node)
  WITH g, r, s, t, CASE
      WHEN s.key STARTS WITH 'feature:' THEN split(s.key, '@')[0] + g.set
      WHEN s.key STARTS WITH 'token:' OR s.key STARTS WITH 'logit:' AND g.by_text
        THEN split(s.key, ':')[0] + ':' + coalesce(s.token, s.name)
      ELSE split(s.key, '@')[0] END +
    CASE WHEN $align = 'feature' OR s.position IS NULL OR s.key STARTS WITH 'logit:' THEN ''
      WHEN $align = 'exact' OR s.position = 0 AND g.from_start THEN '@' + s.position
      ELSE '@' + (s.position - g.n_pos) END AS source
  WITH source, collect(CASE g.side WHEN 0 THEN s END) AS source_a, collect(CASE g.side WHEN 1 THEN s END) AS source_b,
    collect(CASE g.side WHEN 0 THEN t END) AS target_a, collect(CASE g.side WHEN 1 THEN t END) AS target_b,
    sum(CASE g.side WHEN 0 THEN r.weight ELSE 0.0 END) AS weight_a,
    sum(CASE g.side WHEN 1 THEN r.weight ELSE 0.0 END) AS weight_b
  WITH *, CASE WHEN source_b = [] THEN 'only_a' WHEN source_a = [] THEN 'only_b' ELSE 'shared' END AS status
  WHERE $status IN ['', status]
  RETURN status, source, source_a, source_b, target_a, target_b, weight_a, weight_b
}
WITH target, status, source, source_a, source_b, target_a, target_b, weight_a, weight_b
ORDER BY abs(weight_b - weight_a) DESC, target, source LIMIT $k
UNWIND source_a + source_b AS s UNWIND target_a + target_b AS t
WITH DISTINCT s, t, weight_a, weight_b WHERE s.graph = t.graph
MATCH p = (s)-[:DIRECT_EFFECT]->(t)
RETURN p ORDER BY abs(weight_b - weight_a) DESC LIMIT 150
