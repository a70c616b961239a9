"""What is looked at: pictures of graphs, pages about them, Neo4j Browser, circuit-tracer's frontend."""
