"""Graphs as files again: circuit-tracer's `.pt` and JSON, GraphML, Parquet."""
