"""Writes graphs to files: circuit-tracer's `.pt` and JSON, GraphML, Parquet."""

from circuit_atlas.export.formats import SUFFIXES, write_graph
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt

__all__ = ["SUFFIXES", "write_graph", "write_json", "write_pt"]
