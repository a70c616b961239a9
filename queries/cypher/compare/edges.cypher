// The direct effects of two graphs, aligned by their ends as in compare.nodes: those in both, or in one alone, that
// differ most.
// @param a STRING -- a graph's name
// @param b STRING -- the other graph's name
// @param align STRING = "relative" -- what has to be the same of positions: exact; relative (counted from the end of the prompt, but for a first token that both prompts have); or feature (nothing)
// @param status STRING = "shared" -- shared; only_a; only_b; or an empty text for all
// @param k INTEGER = 20 -- how many
// @param into STRING = "" -- only effects on nodes whose identity begins so, for instance feature:20/, to go through large graphs in parts
// @returns status STRING -- shared, only_a (lost) or only_b (gained)
// @returns source STRING -- identity of the source, as in compare.nodes
// @returns target STRING -- identity of the target
// @returns source_a LIST<MAP> -- the nodes of a that have the effect; several only where positions do not count
// @returns source_b LIST<MAP> -- likewise of b
// @returns target_a LIST<MAP> -- the nodes of a that it is an effect on
// @returns target_b LIST<MAP> -- likewise of b
// @returns weight_a FLOAT -- direct effect in a, 0 when there is none; a sum only where positions do not count
// @returns weight_b FLOAT -- likewise in b
// @returns change FLOAT -- weight_b - weight_a
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
RETURN status, source, target,
  COLLECT { UNWIND source_a AS n WITH DISTINCT n RETURN n {.key, .name, .layer, .position, .index, .source_id} ORDER BY n.ordinal LIMIT 1000 } AS source_a,
  COLLECT { UNWIND source_b AS n WITH DISTINCT n RETURN n {.key, .name, .layer, .position, .index, .source_id} ORDER BY n.ordinal LIMIT 1000 } AS source_b,
  COLLECT { UNWIND target_a AS n WITH DISTINCT n RETURN n {.key, .name, .layer, .position, .index, .source_id} ORDER BY n.ordinal LIMIT 1000 } AS target_a,
  COLLECT { UNWIND target_b AS n WITH DISTINCT n RETURN n {.key, .name, .layer, .position, .index, .source_id} ORDER BY n.ordinal LIMIT 1000 } AS target_b,
  weight_a, weight_b, weight_b - weight_a AS change
