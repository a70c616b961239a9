// Features whose explanations hold a text, with their most influential activations; tokens and logits alone.
CYPHER 25
CALL () {
  CALL db.index.fulltext.queryNodes('search_text', 'explanations:(' + $text + ')', {limit: 5000}) YIELD node AS f, score
  WHERE $model IN ['', f.model] AND ($layers = [] OR f.layer IN $layers)
  CALL (f) {
    MATCH p = (f)<-[:ACTIVATION_OF]-(n:Node) WHERE $graph IN ['', n.graph]
    MATCH (g:Graph {name: n.graph, status: 'ready'})
    WHERE (g.collapsed_from IS NULL OR g.name = $graph)
      AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })
    RETURN p ORDER BY coalesce(n.influence, 0.0) DESC, n.graph, n.ordinal LIMIT 3
  }
  RETURN p, score LIMIT 100
UNION ALL
  CALL db.index.fulltext.queryNodes('search_text', 'token:(' + $text + ')', {limit: 10000}) YIELD node AS n, score
  WHERE $layers = [] AND $graph IN ['', n.graph]
  MATCH (g:Graph {name: n.graph, status: 'ready'})
  WHERE (g.collapsed_from IS NULL OR g.name = $graph)
    AND $model IN ['', g.model] AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })
  MATCH p = (n)
  RETURN p, score LIMIT 50
}
RETURN p ORDER BY score DESC LIMIT 100
