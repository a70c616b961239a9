"""From a graph file to the database: readers make a `GraphData`, and the loader writes it."""

from circuit_atlas.ingest.delete import delete_graph, remove_leftovers
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.ingest.read import read_graph
from circuit_atlas.ingest.writer import Writer

from circuit_atlas.graph.data import GraphData

__all__ = [
    "GraphData",
    "Writer",
    "delete_graph",
    "load_graph",
    "read_graph",
    "remove_leftovers",
]
