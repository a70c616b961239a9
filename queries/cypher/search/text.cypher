// Explanations of features, tokens and logits that contain a text, the best first, and where they are active. Of all
// that the full-text index finds, the best @SEARCHED_FEATURES features and @SEARCHED_TOKENS tokens and logits are
// looked at; the same token of several graphs is one hit. Graphs collapsed by supernodes are left out, unless named.
// @param text STRING -- what to look for, in the syntax of Lucene's query parser
// @param model STRING = "" -- only of this language model
// @param layers LIST<INTEGER> = [] -- only features of these layers
// @param graph STRING = "" -- only what is active in this graph
// @param tag STRING = "" -- only what is active in graphs with this tag
// @param max_activations INTEGER = 5 -- of each hit, how many activations
// @param k INTEGER = 10 -- how many hits
// @returns kind STRING -- feature, token or logit
// @returns feature MAP -- the transcoder feature; null for tokens and logits
// @returns token STRING -- text of a token or logit; null for features
// @returns score FLOAT -- the index's score
// @returns graphs INTEGER -- number of graphs in which it is active
// @returns activations LIST<MAP> -- where it is active, the most influential first
// @returns is_cut BOOLEAN -- whether the index may have found more than is looked at
CYPHER 25
CALL () {
  CALL db.index.fulltext.queryNodes('search_text', 'explanations:(' + $text + ')', {limit: @SEARCHED_FEATURES})
  YIELD node, score RETURN collect([node, score]) AS features
}
CALL () {
  CALL db.index.fulltext.queryNodes('search_text', 'token:(' + $text + ')', {limit: @SEARCHED_TOKENS})
  YIELD node, score WHERE $layers = [] RETURN collect([node, score]) AS tokens
}
WITH features, tokens, size(features) = @SEARCHED_FEATURES OR size(tokens) = @SEARCHED_TOKENS AS is_cut
CALL (features, tokens) {
  UNWIND features AS found WITH found[0] AS f, found[1] AS score
  // In the syntax of Lucene, a text may name another field of the index.
  WHERE f:TranscoderFeature AND $model IN ['', f.model] AND ($layers = [] OR f.layer IN $layers)
  RETURN 'feature' AS kind, f, null AS token, score, [] AS nodes
UNION ALL
  UNWIND tokens AS found WITH found[0] AS n, found[1] AS score WHERE n:Token|Logit AND $graph IN ['', n.graph]
  RETURN CASE WHEN n:Token THEN 'token' ELSE 'logit' END AS kind, null AS f, n.token AS token,
         max(score) AS score, collect(n) AS nodes
}
// The best k; with a graph or tag, of those that are active there, which is only looked up until k are found.
WITH is_cut, kind, f, token, score, nodes ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token
WHERE f IS NOT NULL AND $graph = '' AND $tag = ''
  OR EXISTS {
    MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE $graph IN ['', n.graph]
    MATCH (g:Graph {name: n.graph}) WHERE @is_searched(g)
  } OR EXISTS {
    UNWIND nodes AS n MATCH (g:Graph {name: n.graph}) WHERE @is_searched(g)
  }
WITH is_cut, kind, f, token, score, nodes
ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token LIMIT $k
// All activations of each hit.
CALL (f, nodes) {
  CALL (f, nodes) {
    MATCH (f)<-[:ACTIVATION_OF]-(n:Node) WHERE $graph IN ['', n.graph] RETURN n
  UNION ALL
    UNWIND nodes AS n RETURN n
  }
  MATCH (g:Graph {name: n.graph}) WHERE @is_searched(g)
  WITH n ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal
  RETURN count(DISTINCT n.graph) AS graphs, collect(n)[..$max_activations] AS activations
}
// result
RETURN kind, properties(f) AS feature, token, score, graphs,
       [n IN activations | n {.graph, .key, .position, .activation, .probability, .influence}] AS activations, is_cut
ORDER BY score DESC, kind, f.model, f.source_set, f.layer, f.index, token
// visual: Features whose explanations contain a text, with their most influential activations; tokens and logits alone.
UNWIND activations AS n
OPTIONAL MATCH activation = (f)<-[:ACTIVATION_OF]-(n)
MATCH alone = (n) RETURN coalesce(activation, alone) AS p ORDER BY score DESC LIMIT 100
