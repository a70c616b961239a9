// @internal The graphs that names and tags mean, as sources of an aggregate.
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags, for their graphs except collapsed ones and aggregates
// @returns graph MAP -- what aggregates and comparisons need of the properties of the graph
// @returns first_token STRING -- the first token of its prompt, null if it is not known
// @returns is_original BOOLEAN -- whether it is neither collapsed nor an aggregate
CYPHER 25
@graphs_of($graphs, $tags)
RETURN g {.name, .version, .content_hash, .prompt, .model, .source_set, .lorsa_source_set, .scan, .n_layers, .n_pos,
          .vocab_size, .nodes, .edges} AS graph, g.tokens[0] AS first_token, @is_original(g) AS is_original
ORDER BY g.name LIMIT @MAX_ROWS
