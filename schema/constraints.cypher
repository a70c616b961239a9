// Constraints and indexes of schema version 5. Each statement can be repeated.
// The planner uses an index of several properties only for a statement that has a predicate on each of them. That is why
// statements contain predicates that are always true, such as n.ordinal >= 0, b.block >= 0 or s.name IS NOT NULL.
CREATE CONSTRAINT circuit_atlas_store IF NOT EXISTS FOR (s:CircuitAtlas) REQUIRE s.id IS UNIQUE;
CREATE CONSTRAINT graph_name IF NOT EXISTS FOR (g:Graph) REQUIRE g.name IS UNIQUE;
CREATE CONSTRAINT node_key IF NOT EXISTS FOR (n:Node) REQUIRE (n.graph, n.key) IS UNIQUE;
CREATE INDEX node_ordinal IF NOT EXISTS FOR (n:Node) ON (n.graph, n.ordinal);
CREATE INDEX node_name IF NOT EXISTS FOR (n:Node) ON (n.graph, n.name);
CREATE INDEX graph_content IF NOT EXISTS FOR (g:Graph) ON (g.content_hash);
CREATE CONSTRAINT transcoder_feature IF NOT EXISTS
FOR (f:TranscoderFeature) REQUIRE (f.model, f.source_set, f.layer, f.index) IS UNIQUE;
CREATE INDEX transcoder_place IF NOT EXISTS FOR (f:TranscoderFeature) ON (f.layer, f.index);
CREATE FULLTEXT INDEX search_text IF NOT EXISTS
FOR (n:TranscoderFeature|Token|Logit) ON EACH [n.explanations, n.token];
CREATE CONSTRAINT tag_name IF NOT EXISTS FOR (t:Tag) REQUIRE t.name IS UNIQUE;
CREATE CONSTRAINT supernode_name IF NOT EXISTS FOR (s:Supernode) REQUIRE (s.graph, s.name) IS UNIQUE;
CREATE CONSTRAINT circuit_name IF NOT EXISTS FOR (c:Circuit) REQUIRE (c.graph, c.name) IS UNIQUE;
CREATE CONSTRAINT path_bounds_block IF NOT EXISTS
FOR (b:PathBounds) REQUIRE (b.graph, b.sources, b.sign, b.hops, b.block) IS UNIQUE;
CREATE CONSTRAINT path_steps IF NOT EXISTS
FOR (s:PathSteps) REQUIRE (s.graph, s.sources, s.sign, s.ordinal) IS UNIQUE;
CREATE CONSTRAINT path_counts IF NOT EXISTS
FOR (c:PathCounts) REQUIRE (c.graph, c.hops, c.block) IS UNIQUE;
CREATE CONSTRAINT edge_batch IF NOT EXISTS FOR (b:EdgeBatch) REQUIRE (b.graph, b.number) IS UNIQUE;
CREATE CONSTRAINT edge_columns IF NOT EXISTS FOR (c:EdgeColumns) REQUIRE (c.graph, c.block) IS UNIQUE;
