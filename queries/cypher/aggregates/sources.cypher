// The graphs that names and tags mean, as sources of an aggregate; in one row, see graphs.set.
// @internal
// @param graphs LIST<STRING> = [] -- names of graphs
// @param tags LIST<STRING> = [] -- tags: their graphs but collapsed ones and aggregates
// @returns graphs LIST<LIST> -- of each graph: what aggregates and comparisons need of its properties; the first token,
//   null if it is not known; whether it is neither collapsed nor an aggregate
CYPHER 25
@graphs_of($graphs, $tags)
WITH g ORDER BY g.name LIMIT 100000
RETURN collect([g {.name, .version, .content_hash, .prompt, .model, .source_set, .lorsa_source_set, .scan, .n_layers,
                   .n_pos, .vocab_size, .nodes, .edges}, g.tokens[0], @is_original(g)]) AS graphs LIMIT 1
