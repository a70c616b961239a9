// Explanations of features, tokens and logits that hold a text, the best first, and where they are active. Of all that
// the full-text index finds, the best 5,000 features and 10,000 tokens and logits are looked at; the same token of
// several graphs is one hit. Graphs collapsed by supernodes are left out, unless named.
// @param text STRING -- what to look for, in the syntax of Lucene's query parser
// @param model STRING = "" -- only of this language model
// @param layers LIST<INTEGER> = [] -- only features of these layers
// @param graph STRING = "" -- only what is active in this graph
// @param tag STRING = "" -- only what is active in graphs with this tag
// @param places INTEGER = 5 -- of each hit, how many activations
// @param k INTEGER = 10 -- how many hits
// @returns kind STRING -- feature, token or logit
// @returns feature MAP -- the transcoder feature; null for tokens and logits
// @returns token STRING -- text of a token or logit; null for features
// @returns score FLOAT -- the index's score
// @returns graphs INTEGER -- number of graphs in which it is active
// @returns places LIST<MAP> -- its activations, the most influential first
CYPHER 25
CALL () {
  CALL db.index.fulltext.queryNodes('search_text', 'explanations:(' + $text + ')', {limit: 5000}) YIELD node AS f, score
  WHERE $model IN ['', f.model] AND ($layers = [] OR f.layer IN $layers)
  RETURN 'feature' AS kind, f, null AS token, score, [] AS nodes
UNION ALL
  CALL db.index.fulltext.queryNodes('search_text', 'token:(' + $text + ')', {limit: 10000}) YIELD node AS n, score
  WHERE $layers = [] AND $graph IN ['', n.graph]
  RETURN CASE WHEN n:Token THEN 'token' ELSE 'logit' END AS kind, null AS f, n.token AS token,
         max(score) AS score, collect(n) AS nodes
}
WITH kind, f, token, score, nodes ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token
WHERE f IS NOT NULL AND $graph = '' AND $tag = ''
  OR EXISTS {
    MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE $graph IN ['', n.graph]
    MATCH (g:Graph {name: n.graph, status: 'ready'})
    WHERE (g.collapsed_from IS NULL OR g.name = $graph)
      AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })
  } OR EXISTS {
    UNWIND nodes AS n
    MATCH (g:Graph {name: n.graph, status: 'ready'})
    WHERE (g.collapsed_from IS NULL OR g.name = $graph)
      AND $model IN ['', g.model] AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })
  }
WITH kind, f, token, score, nodes ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token LIMIT $k
CALL (f, nodes) {
  CALL (f, nodes) {
    MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE $graph IN ['', n.graph]
    RETURN n
  UNION ALL
    UNWIND nodes AS n
    RETURN n
  }
  MATCH (g:Graph {name: n.graph, status: 'ready'})
  WHERE (g.collapsed_from IS NULL OR g.name = $graph)
    AND $model IN ['', g.model] AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })
  WITH n ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal
  RETURN count(DISTINCT n.graph) AS graphs,
         collect(n {.graph, .key, .position, .activation, .probability, .influence})[..$places] AS places
}
RETURN kind, properties(f) AS feature, token, score, graphs, places
ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token
