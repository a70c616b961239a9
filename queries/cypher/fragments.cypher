// Fragments that queries share. In a query, `@name` or `@name(arguments)` stands for the text below, in which the
// arguments replace its names for them. An argument has no parentheses. A fragment may use those above it. `@param`
// declares a parameter of every query that uses the fragment and does not declare it in its own words.

// @fragment node -- the properties of a node that every answer shows
.key, .name, .layer, .position, .index, .source_id

// @fragment feature -- the properties of a transcoder feature that every answer shows
.model, .source_set, .component, .layer, .index, .explanation

// @fragment kind(node) -- its kind: feature, error, token, logit or other, which is how its key begins
split(node.key, ':')[0]

// @fragment anywhere(node) -- its key without the position: what it has in common with the same feature elsewhere
CASE WHEN node.key ENDS WITH '@' + node.position AND NOT node.key CONTAINS ':supernode/'
  THEN left(node.key, size(node.key) - size('@' + node.position)) ELSE node.key END

// @fragment indexed(property) -- true of every node: it makes the planner use the index on this property.
// Most indexes are on several properties, the graph's name first, such as :Node(graph, ordinal). Neo4j uses them only
// in a statement that has a condition on each of these properties: MATCH (n:Node {graph: $graph}) alone reads the nodes
// of all graphs. PROFILE, in a store of 3,803 nodes of which 415 are in the graph: NodeByLabelScan and Filter with
// 7,607 database hits; with n.ordinal IS NOT NULL, NodeIndexSeek with 416.
property IS NOT NULL

// @fragment in_part(node) -- whether it is in the part of a graph's file that is asked for
// @param first INTEGER = 0 -- ordinal of the first node
// @param stop INTEGER = 1000 -- ordinal after the last node
$first <= node.ordinal < $stop

// @fragment allowed(node) -- whether it is of the kinds and in the layers that the question allows
($kinds = [] OR @kind(node) IN $kinds) AND ($layers = [] OR node.layer IN $layers)

// @fragment is_original(graph) -- whether a graph is neither collapsed nor an aggregate. Asked of properties that every
// graph has: to find that a node lacks one, Neo4j reads all that it has.
NOT graph.name ENDS WITH ':collapsed' AND coalesce(graph.source_format, '') <> 'aggregate'

// @fragment graphs_of(graphs, tags) -- the complete graphs g with these names or one of these tags, each once; a tag
// stands for no collapsed graph or aggregate, which would count the same prompts once more
CALL () {
  MATCH (g:Graph) WHERE g.name IN graphs AND g.status = 'ready' RETURN g
UNION
  MATCH (t:Tag)<-[:TAGGED]-(g:Graph) WHERE t.name IN tags AND g.status = 'ready' AND @is_original(g) RETURN g
}

// @fragment names_of(graphs, tags) -- their names as a list
COLLECT {
  @graphs_of(graphs, tags)
  RETURN g.name
}

// @fragment names_or_all -- the names of those of $graphs and $tags; when both are empty, of all graphs made from no
// other
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, for their graphs except collapsed ones and aggregates; without both, all such
COLLECT {
  @graphs_of($graphs, $tags)
  RETURN g.name AS name
  UNION
  WITH 1 AS once WHERE $graphs = [] AND $tags = []
  MATCH (g:Graph) WHERE @indexed(g.name) AND g.status = 'ready' AND @is_original(g) RETURN g.name AS name
}

// @fragment in_original(node) -- whether its graph is complete (no ~), and neither collapsed nor an aggregate
NOT (node.graph CONTAINS '~' OR node.graph ENDS WITH ':collapsed') AND node.graphs IS NULL

// @fragment identity(node, side) -- what a node is aligned by with nodes of another graph; `side` as in aligned_nodes
CASE
  WHEN node.key STARTS WITH 'token:' OR node.key STARTS WITH 'logit:' AND side.by_text
    THEN @kind(node) + ':' + coalesce(node.token, node.name)
  ELSE @anywhere(node) + CASE WHEN NOT node.key STARTS WITH 'feature:' THEN ''
    WHEN node.component = 'lorsa' THEN side.lorsa_set ELSE side.source_set END
END + CASE
  WHEN $align = 'feature' OR node.position IS NULL OR node.key STARTS WITH 'logit:' THEN ''
  WHEN $align = 'exact' OR node.position = 0 AND side.from_start THEN '@' + node.position
  ELSE '@' + (node.position - side.n_pos)
END

// @fragment aligned_nodes -- each node n of the graphs $a and $b, with its identity and side (number 0 is a, 1 is b).
// Where the source sets differ, features of b have different identities. Where the models differ, logits are aligned by
// text, because an index means another token. A first token that both prompts have is counted from the start.
// @param a STRING -- a graph's name
// @param b STRING -- the other graph's name
// @param align STRING = "relative" -- which positions are the same: exact, relative or feature, see compare.nodes
MATCH (a:Graph {name: $a}), (b:Graph {name: $b}) WHERE a.status = 'ready' AND b.status = 'ready'
WITH a, b, a.model <> b.model AS by_text, a.tokens[0] = b.tokens[0] AS same_start,
     CASE WHEN a.model = b.model AND a.source_set = b.source_set THEN '' ELSE ' of ' + b.source_set END AS set_of_b,
     CASE WHEN a.model = b.model AND a.lorsa_source_set = b.lorsa_source_set THEN ''
       ELSE ' of ' + coalesce(b.lorsa_source_set, '') END AS lorsa_set_of_b
UNWIND [{graph: a, number: 0, source_set: '', lorsa_set: ''},
        {graph: b, number: 1, source_set: set_of_b, lorsa_set: lorsa_set_of_b}] AS side
WITH side {.number, .source_set, .lorsa_set, by_text: by_text, n_pos: side.graph.n_pos, name: side.graph.name,
           from_start: same_start AND side.graph.n_pos > 1} AS side
MATCH (n:Node {graph: side.name}) WHERE @indexed(n.ordinal)
WITH n, side, @identity(n, side) AS identity

// @fragment active(name) -- the transcoder features f that are active in a graph, and where: each activation n
MATCH (n:Node {graph: name}) WHERE n.key STARTS WITH 'feature:'
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)

// @fragment share_of(graphs) -- how many graphs are the share asked for, minus a margin: 0.55 * 100 is more than 55
// @param share FLOAT = 0.5 -- in at least this share of the graphs, 0 to 1, and in two
$share * graphs - @ROUNDING

// @fragment place(node) -- its key without the position; if `are_mixed`, with the source set of a feature
@anywhere(node) + CASE WHEN are_mixed
  THEN coalesce(head(COLLECT { MATCH (node)-[:ACTIVATION_OF]->(of) RETURN ' of ' + of.source_set }), '') ELSE '' END

// @fragment are_few(graphs) -- whether so many graphs are few of all. Then their nodes lead to the features that they
// have; else it takes less to look at features, and where each is active.
graphs * 4 < COUNT { (:Graph) }

// @fragment most_recurring -- transcoder features f by the number of graphs, of the n_graphs of names_or_all, in which
// they are active: at least $share of them, and two. `influence` is the mean there, with its standard deviation.
WITH @names_or_all AS names
WITH names, size(names) AS n_graphs
CALL (names, n_graphs) {
  WITH names, n_graphs WHERE @are_few(n_graphs)
  UNWIND names AS name
  @active(name) RETURN n, f
UNION ALL
  WITH names, n_graphs WHERE NOT @are_few(n_graphs)
  // Neo4j keeps the number of a feature's activations. It is active in no more graphs, so most need not be looked at.
  MATCH (f:TranscoderFeature) WHERE COUNT { (f)<-[:ACTIVATION_OF]-() } >= @share_of(n_graphs)
    AND @indexed(f.model) AND @indexed(f.source_set) AND @indexed(f.layer) AND @indexed(f.index)
  WITH names, f
  MATCH (n:Node)-[:ACTIVATION_OF]->(f) WHERE n.graph IN names RETURN n, f
}
WITH n_graphs, f, n.graph AS graph, sum(coalesce(n.influence, 0.0)) AS influence
WITH n_graphs, f, count(graph) AS graphs, sum(influence) / count(graph) AS influence, stDevP(influence) AS influence_sd
WHERE graphs >= 2 AND graphs >= @share_of(n_graphs)
ORDER BY graphs DESC, influence DESC, f.model, f.source_set, f.layer, f.index

// @fragment is_searched(g) -- whether a search looks at what is active in graph g
g.status = 'ready' AND (@is_original(g) OR g.name = $graph) AND $model IN ['', g.model]
AND ($tag = '' OR EXISTS { (g)-[:TAGGED]->(:Tag {name: $tag}) })

// @fragment strength(effect) -- what direct effects are ranked by: |weight|, or with $sign 1 or -1 the signed weight
// @param sign INTEGER = 0 -- 0 by |weight|, 1 strongest positive first, -1 most negative first
CASE $sign WHEN 0 THEN abs(effect.weight) ELSE $sign * effect.weight END

// @fragment strongest_effects(node) -- a node's $k strongest direct effects r each way, the other end m, the direction
// @param incoming BOOLEAN = true -- whether to include effects on the node
// @param outgoing BOOLEAN = true -- whether to include effects of the node
// @param kinds LIST<STRING> = [] -- only neighbours of these kinds
// @param layers LIST<INTEGER> = [] -- only neighbours in these layers
// @param within LIST<STRING> = [] -- only neighbours with these keys; all when empty
CALL (node) {
  WITH node WHERE $incoming
  MATCH (node)<-[r:DIRECT_EFFECT]-(m) WHERE @allowed(m) AND ($within = [] OR m.key IN $within)
  RETURN 'in' AS direction, r, m ORDER BY @strength(r) DESC, m.ordinal LIMIT $k
UNION ALL
  WITH node WHERE $outgoing
  MATCH (node)-[r:DIRECT_EFFECT]->(m) WHERE @allowed(m) AND ($within = [] OR m.key IN $within)
  RETURN 'out' AS direction, r, m ORDER BY @strength(r) DESC, m.ordinal LIMIT $k
}

// @fragment drawn(n) -- draws a node with its three strongest direct effects, or alone when it has none
CALL (n) {
  OPTIONAL MATCH effect = (n)-[r:DIRECT_EFFECT]-() RETURN effect ORDER BY abs(r.weight) DESC LIMIT 3
}
MATCH alone = (n) RETURN coalesce(effect, alone) AS p LIMIT 150

// @fragment drawn_effects(effects) -- draws a list of direct effects
UNWIND effects AS r
WITH DISTINCT startNode(r) AS source, r, endNode(r) AS target
MATCH p = (source)-[r]->(target) RETURN p LIMIT 300

// @fragment bounds_of(name) -- the stored bounds b of paths from the tokens of the graph of that name
MATCH (b:PathBounds {graph: name, sources: 'tokens'}) WHERE @indexed(b.sign) AND @indexed(b.hops) AND @indexed(b.block)

// @fragment counts_of(name) -- the stored counts c of these paths
MATCH (c:PathCounts {graph: name}) WHERE @indexed(c.hops) AND @indexed(c.block)

// @fragment in_blocks(values, i) -- the value of the node of ordinal i in a list of values that is cut into blocks
values[i / @BOUNDS_BLOCK][i % @BOUNDS_BLOCK]

// @fragment before(weight, i) -- what a path can be worth up to the node of ordinal i, if it goes on with an edge of
// this weight. A negative weight turns its sign: paths of the other sign have another table.
CASE WHEN weight < 0 THEN @in_blocks(turned, i) ELSE @in_blocks(bound, i) END

// @fragment at_least(input_sum) -- the sum of |weight| of a node's inputs, as influence divides by it
CASE WHEN input_sum < @MIN_INPUT_SUM THEN @MIN_INPUT_SUM ELSE input_sum END

// @fragment step(weight, input_sum) -- the value of an edge in a path search
CASE $score WHEN 'product' THEN log(abs(weight) / input_sum + @SMALLEST) ELSE $order * weight END

// @fragment extended(value, step) -- the value of a path with one more edge: the smaller of both, or else their sum
CASE WHEN $score <> 'bottleneck' THEN value + step WHEN value < step THEN value ELSE step END
