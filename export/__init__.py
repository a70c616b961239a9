"""Graphs as files again: circuit-tracer's `.pt` and JSON."""

from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt

__all__ = ["write_json", "write_pt"]
