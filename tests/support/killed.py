"""What the tests of faults kill: every command that writes, each as a function that another process can import."""

from __future__ import annotations

import contextlib

from circuit_atlas import Atlas
from circuit_atlas.errors import GraphNotFoundError, SupernodeNotFoundError
from circuit_atlas.explain import files
from circuit_atlas.ingest import edge_writer, steps


def ingest(store: str, file: str, replace: bool) -> None:
    """Write the graph `g` in several transactions, as if it were large."""
    steps._MAX_SMALL_EDGES, edge_writer.EDGES_PER_BATCH = 0, 500
    with Atlas(store=store) as atlas:
        atlas.ingest(file, name="g", replace=replace)


def ingest_folder(store: str, folder: str) -> None:
    """Write the graphs of a folder. A graph that already exists stays as it is."""
    with Atlas(store=store) as atlas:
        assert not atlas.ingest_all([folder], tags=[folder.rpartition("/")[2]]).failed


def ingest_in_bulk(store: str, file: str) -> None:
    """Write the graph `bulk` with Neo4j's importer, which rebuilds the store."""
    with Atlas(store=store) as atlas:
        atlas.ingest_all([file], name="bulk", bulk=True)


def restore(store: str, file: str) -> None:
    """Replace all graphs with those of a backup."""
    with Atlas(store=store) as atlas:
        atlas.restore(file, replace=True)


def delete(store: str, name: str = "g") -> None:
    """Delete a graph, if a late kill has left it."""
    with Atlas(store=store) as atlas, contextlib.suppress(GraphNotFoundError):
        atlas.delete(name)


def tag(store: str, *graphs: str) -> None:
    """Add a tag to several graphs."""
    with Atlas(store=store) as atlas:
        atlas.tag(*graphs, add=["chaos"])


def untag(store: str, *graphs: str) -> None:
    """Take the tag away again."""
    with Atlas(store=store) as atlas:
        atlas.tag(*graphs, remove=["chaos"])


def create_supernodes(store: str) -> None:
    """Group nodes by hand, by a text, and by their features."""
    with Atlas(store=store) as atlas:
        graph = atlas.graph("g")
        graph.create_supernode("by hand", ["token:1", "token:2"], replace=True)
        graph.create_supernode("by text", matching="e", replace=True)
        graph.create_supernodes_of_features(layers=range(20, 26), replace=True)


def store_circuit(store: str) -> None:
    """Choose a circuit and store it."""
    with Atlas(store=store) as atlas:
        atlas.graph("g").circuit(nodes=10, name="ten", replace=True)


def delete_supernode(store: str) -> None:
    """Delete one supernode."""
    with Atlas(store=store) as atlas, contextlib.suppress(SupernodeNotFoundError):
        atlas.graph("g").delete_supernode("by text")


def collapse(store: str) -> None:
    """Store `g` collapsed by its supernodes."""
    with Atlas(store=store) as atlas:
        atlas.graph("g").collapsed()


def label(store: str, text: str | None) -> None:
    """Label the first feature, or take the label away."""
    with Atlas(store=store) as atlas:
        nodes = "MATCH (n:Feature {graph: 'g'}) WHERE n.ordinal >= 0 RETURN n.key AS key ORDER BY n.ordinal LIMIT 1"
        atlas.label("g", atlas.cypher(nodes).rows[0]["key"], text)


def explain(store: str, file: str) -> None:
    """Import explanations of a table, in several transactions."""
    files._BATCH_SIZE = 200
    with Atlas(store=store) as atlas:
        [graph] = [summary for summary in atlas.graphs().graphs if summary.graph == "g"]
        atlas.import_explanations(file, model=graph.model, source_set=graph.source_set)
