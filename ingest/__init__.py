"""From a graph file to the database: readers, one in-memory form, the loader."""

from circuit_atlas.ingest.delete import delete_graph, remove_leftovers
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.ingest.read import read_graph
from circuit_atlas.ingest.writer import Writer

from circuit_atlas.graph.data import EdgeBlock, GraphData, NodeColumns

__all__ = [
    "EdgeBlock",
    "GraphData",
    "NodeColumns",
    "Writer",
    "delete_graph",
    "load_graph",
    "read_graph",
    "remove_leftovers",
]
