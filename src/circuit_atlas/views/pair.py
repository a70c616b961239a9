"""Reads the pictures of two graphs that are to be compared. Each shows what the other one shows, if it has it: else a
node or an edge that is left out of one picture would be taken for one that only the other graph has."""

from __future__ import annotations

from dataclasses import replace

from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.views.overlay import align, counterpart
from circuit_atlas.views.picture import MAX_EDGES_SHOWN, PathOptions, Picture, edges_at, found_paths, read_picture


def read_pair(
    graphs: tuple[StoredGraph, StoredGraph], options: tuple[PathOptions, PathOptions], *, max_nodes: int
) -> tuple[Picture, Picture]:
    """The pictures of two graphs, for `overlay`.

    Args:
        graphs: the graphs.
        options: which paths of each are drawn.
        max_nodes: at most this many nodes of each graph, and those that both have.

    Raises:
        InvalidArgumentError, NodeNotFoundError, AmbiguousNodeError: see `read_picture`.
    """
    (a, b), paths = graphs, [found_paths(graph, which) for graph, which in zip(graphs, options, strict=True)]
    first = read_picture(a, paths=paths[0], max_nodes=max_nodes)
    second = read_picture(b, paths=paths[1], max_nodes=max_nodes)
    # In this order, because the columns of the graph asked for last are kept in memory.
    if more := _also_in(b, second, first):
        second = read_picture(b, paths=paths[1], max_nodes=max_nodes, more=more)
    if more := _also_in(a, first, second):
        first = read_picture(a, paths=paths[0], max_nodes=max_nodes, more=more)
    if max(len(first.edges), len(second.edges)) < MAX_EDGES_SHOWN:
        return first, second
    return _with_weights_of_both(graphs, (first, second))


def _also_in(graph: StoredGraph, picture: Picture, other: Picture) -> list[str]:
    """Keys of the nodes of a graph that its picture leaves out and the other picture shows; and of all its tokens and
    logits, which are not aligned by key."""
    from circuit_atlas.queries.stored_arrays import read_arrays

    if picture.whole:
        return []
    shown, stored = {node.key for node in picture.nodes}, read_arrays(graph).ordinal
    ends = [key for key in stored if key.partition(":")[0] in (Kind.TOKEN, Kind.LOGIT)]
    found = dict.fromkeys([*(counterpart(node, other, picture) for node in other.nodes), *ends])
    return [key for key in found if key in stored and key not in shown]


def _with_weights_of_both(
    graphs: tuple[StoredGraph, StoredGraph], pictures: tuple[Picture, Picture]
) -> tuple[Picture, Picture]:
    """The pictures with those edges, too, that are only in the other graph among the strongest that are shown."""
    indices = align(*pictures)[1]
    ends = [
        {(of_graph[edge.source], of_graph[edge.target]) for edge in picture.edges}
        for picture, of_graph in zip(pictures, indices, strict=True)
    ]
    completed = []
    for side, (graph, picture) in enumerate(zip(graphs, pictures, strict=True)):
        place = {node: i for i, node in enumerate(indices[side])}
        missing = ends[1 - side] - ends[side]
        own = [(place[source], place[target]) for source, target in missing if source in place and target in place]
        completed.append(replace(picture, edges=[*picture.edges, *edges_at(graph, picture.nodes, own)]))
    return completed[0], completed[1]
