"""Graphs as files again: circuit-tracer's `.pt` and JSON, GraphML, Parquet."""

from circuit_atlas.export.formats import ENDINGS, write_graph
from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt

__all__ = ["ENDINGS", "write_graph", "write_json", "write_pt"]
