// The nodes of two graphs, aligned: those that both have, or only one has, the most influential first. Features are the
// same when they are the same transcoder feature, tokens when their text is, logits when their vocabulary entry is,
// errors when their layer is; and all but logits, unless asked otherwise, when their position is.
// @param a STRING -- a graph's name
// @param b STRING -- the other graph's name
// @param align STRING = "relative" -- what has to be the same of positions: exact; relative (counted from the end of the prompt, but for a first token that both prompts have); or feature (nothing)
// @param status STRING = "shared" -- shared; only_a; only_b; or an empty text for all
// @param k INTEGER = 100 -- how many
// @param keys LIST<STRING> = [] -- only what nodes of these keys stand for, in either graph
// @returns status STRING -- shared, only_a or only_b
// @returns identity STRING -- what they are aligned by: kind, and layer/index, text or vocabulary index, then @ and the position, which is negative when it is counted from the end
// @returns a LIST<MAP> -- the nodes of a, with influence, activation and probability; several only where positions do not count
// @returns b LIST<MAP> -- the nodes of b
// @returns influence_a FLOAT -- share of the logits that flows through the nodes of a, summed; 0 without any
// @returns influence_b FLOAT -- likewise of b
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
    ELSE '@' + (n.position - g.n_pos) END AS identity
ORDER BY n.ordinal
WITH identity, collect(CASE g.side WHEN 0 THEN n END) AS a, collect(CASE g.side WHEN 1 THEN n END) AS b
WHERE $keys = [] OR any(n IN a + b WHERE n.key IN $keys)
WITH identity, a, b, CASE WHEN b = [] THEN 'only_a' WHEN a = [] THEN 'only_b' ELSE 'shared' END AS status,
  reduce(sum = 0.0, n IN a | sum + coalesce(n.influence, 0.0)) AS influence_a,
  reduce(sum = 0.0, n IN b | sum + coalesce(n.influence, 0.0)) AS influence_b
WHERE $status IN ['', status]
WITH * ORDER BY influence_a + influence_b DESC, identity LIMIT $k
RETURN status, identity, [n IN a | n {.key, .name, .layer, .position, .index, .source_id, .influence, .activation, .probability}] AS a,
  [n IN b | n {.key, .name, .layer, .position, .index, .source_id, .influence, .activation, .probability}] AS b, influence_a, influence_b
