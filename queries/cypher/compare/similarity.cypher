// How similar two graphs are: of nodes, by kind, and of direct effects, aligned as in compare.nodes, how many both have
// and how many only one, and their weighted Jaccard similarity: sum of the smaller over sum of the larger of the two
// weights. The weight of a node is its influence; an effect counts with its |weight|, and as two when its sign differs.
// @param a STRING -- a graph's name
// @param b STRING -- the other graph's name
// @param align STRING = "relative" -- what has to be the same of positions: exact; relative (counted from the end of the prompt, but for a first token that both prompts have); or feature (nothing)
// @param into STRING = "" -- only nodes whose identity begins so, and effects on them, for instance feature:20/, to go through large graphs in parts
// @returns what STRING -- feature, error, token, logit or other, for nodes, or direct effect
// @returns shared INTEGER -- how many both graphs have
// @returns only_a INTEGER -- how many only a has
// @returns only_b INTEGER -- how many only b has
// @returns smaller FLOAT -- sum of the smaller weights
// @returns larger FLOAT -- sum of the larger weights
// @returns similarity FLOAT -- smaller / larger, 0 to 1; null when both are 0
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
CALL (target, members) {
  UNWIND members AS member
  WITH split(target, ':')[0] AS what, member.g.side AS side, coalesce(member.node.influence, 0.0) AS influence
  RETURN what, sum(1 - side) AS in_a, sum(side) AS in_b, sum((1 - side) * influence) AS weight_a,
    sum(side * influence) AS weight_b, '' AS source
UNION ALL
  UNWIND members AS member
  WITH member.g AS g, member.node AS t
  MATCH (t)<-[r:DIRECT_EFFECT]-(s:Node)
  WITH g.side AS side, r.weight AS weight, CASE
      WHEN s.key STARTS WITH 'feature:' THEN split(s.key, '@')[0] + g.set
      WHEN s.key STARTS WITH 'token:' OR s.key STARTS WITH 'logit:' AND g.by_text
        THEN split(s.key, ':')[0] + ':' + coalesce(s.token, s.name)
      ELSE split(s.key, '@')[0] END +
    CASE WHEN $align = 'feature' OR s.position IS NULL OR s.key STARTS WITH 'logit:' THEN ''
      WHEN $align = 'exact' OR s.position = 0 AND g.from_start THEN '@' + s.position
      ELSE '@' + (s.position - g.n_pos) END AS source
  RETURN 'direct effect' AS what, sum(1 - side) AS in_a, sum(side) AS in_b, sum((1 - side) * weight) AS weight_a,
    sum(side * weight) AS weight_b, source
}
WITH what, in_a > 0 AS in_a, in_b > 0 AS in_b, abs(weight_a) AS size_a, abs(weight_b) AS size_b,
  weight_a * weight_b >= 0 AS agree
WITH what, in_a, in_b,
  CASE WHEN NOT agree THEN 0.0 WHEN size_a < size_b THEN size_a ELSE size_b END AS smaller,
  CASE WHEN NOT agree THEN size_a + size_b WHEN size_a > size_b THEN size_a ELSE size_b END AS larger
WITH what, count(CASE WHEN in_a AND in_b THEN 1 END) AS shared, count(CASE WHEN NOT in_b THEN 1 END) AS only_a,
  count(CASE WHEN NOT in_a THEN 1 END) AS only_b, sum(smaller) AS smaller, sum(larger) AS larger
RETURN what, shared, only_a, only_b, smaller, larger, CASE WHEN larger > 0 THEN smaller / larger END AS similarity
ORDER BY what LIMIT 10
