"""Pictures of graphs, reports, Neo4j Browser, and circuit-tracer's own web page."""
