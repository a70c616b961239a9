"""Compares a stored graph with what was ingested, or with a file, to the last bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from circuit_atlas.errors import DamagedGraphError
from circuit_atlas.graph.data import KINDS, NUMBERS, TEXTS, EdgeBlock, Edges, GraphData
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.ingest.content import NOT_CONTENT, content_hash
from circuit_atlas.ingest.statements import CHECKSUM
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.stored_edges import has_columns, read_columns
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.schema.batches import pages
from circuit_atlas.store.derived import check_derived, count_stored
from circuit_atlas.store.derived import repair as store_again
from circuit_atlas.store.results import Verification

_BLOCK = 1 << 20
_EDGES_PER_PAGE = 1_000_000  # edges


@graph_query
def verify_graph(
    graph: StoredGraph,
    source: GraphData | None = None,
    file: str = "",
    *,
    strays: Mapping[str, int] = MappingProxyType({}),
    repair: bool = False,
) -> Verification:
    """Read a whole graph back, compare it with the hash stored at ingest, or with a file, and compute again what is
    computed from it.

    Args:
        graph: the graph.
        source: the graph of the file.
        file: the name of the file.
        strays: numbers of nodes that no question finds, by graph; see `store.derived.stray_nodes`.
        repair: whether to store again what is computed, if the content is right.

    Raises:
        GraphNotFoundError: no such graph is ready.
        DatabaseError, CypherError: with `repair`, the database cannot write, or the user must not.
    """
    expected = content_hash(source) if source else graph.properties["content_hash"]
    stored = dict(graph.properties)
    counted, problems = count_stored(graph)
    graph.properties |= counted  # so that wrong numbers do not keep the rest from being read
    if strays.get(graph.name):
        problems.append(
            f"nodes of it that have no ordinal or no key, so that no question finds them: {strays[graph.name]:,}; "
            "delete them, or delete the graph and ingest its file again"
        )
    content, made = None, list[str]()
    try:
        data = read_graph_data(graph, relationships=True)
    except DamagedGraphError as error:
        problems.append(error.what)
        nodes, edges, weights = _sums(graph)
    else:
        nodes, edges = len(data.nodes), len(data.edges)
        weights = sum(float(block.weight.sum()) for block in data.edges.blocks(_BLOCK))
        content = content_hash(data)
        if content != expected:
            numbers = [name for name in counted if counted[name] != stored[name]]
            problems += [f"{counted[name]:,} {name} instead of {stored[name]:,}" for name in numbers]
            problems += _differences(data, source)
        columns = _column_problems(graph, data, repair=repair)
        if content == stored["content_hash"]:  # of another content, everything that is computed differs
            derived = check_derived(graph, data, stored)
            made = [*derived.problems, *columns]
            if made and repair:
                store_again(graph, derived, data, columns=bool(columns))
        else:
            problems += columns
        if not repair:
            problems, made = problems + made, []
    return Verification(
        graph=graph.name,
        nodes=nodes,
        edges=edges,
        weights=weights,
        content_hash=content,
        expected_hash=expected,
        compared_with=file or "ingest",
        problems=problems,
        repaired=made,
    )


def _column_problems(graph: StoredGraph, data: GraphData, *, repair: bool) -> list[str]:
    """How the columns of edges differ from the relationships. That a graph has none is no problem, since a question
    that needs them makes them; a repair makes them, too."""
    if not has_columns(graph):
        return ["its columns of edges are missing"] if repair and len(data.edges) else []
    try:
        columns = read_columns(graph)
    except DamagedGraphError as error:
        return [error.what]
    if columns.extras != data.edge_extras or _digest(columns.edges) != _digest(data.edges):
        return ["its columns of edges differ from its relationships"]
    return []


def _digest(edges: Edges) -> str:
    """A hash of all edges."""
    digest = hashlib.sha256()
    for block in edges.blocks(_BLOCK):
        for column in block:
            digest.update(column.tobytes())
    return digest.hexdigest()


def _sums(graph: StoredGraph) -> tuple[int, int, float]:
    stored = graph.properties
    rows = [
        graph.database.read(CHECKSUM, graph=graph.name, first=first, stop=stop)[0]
        for first, stop in pages(stored["nodes"], stored["edges"], _EDGES_PER_PAGE)
    ]
    nodes, edges, weights = (sum(row[name] for row in rows) for name in ("nodes", "edges", "weights"))
    return nodes, edges, weights


def _differences(data: GraphData, source: GraphData | None) -> list[str]:
    if source is None:
        return ["its content differs from what was ingested (other content hash)"]
    found = [*_node_differences(data, source), *_edge_differences(data, source)]
    ours, theirs = data.metadata.model_dump(), source.metadata.model_dump()
    odd = [name for name in ours if name not in NOT_CONTENT]
    return [*found, *(f"the metadata `{name}` differs" for name in odd if ours[name] != theirs[name])] or [
        "further fields of links differ"
    ]


def _node_differences(data: GraphData, source: GraphData) -> list[str]:
    ours, theirs = data.nodes, source.nodes
    if len(ours) != len(theirs):
        return [f"it has {len(ours):,} nodes, the file {len(theirs):,}"]
    differ = np.zeros(len(ours), np.bool_)
    for name in NUMBERS:
        a, b = getattr(ours, name), getattr(theirs, name)
        differ |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    for name in TEXTS:
        columns = (getattr(nodes, name) or [None] * len(ours) for nodes in (ours, theirs))  # an empty one has no texts
        differ |= np.fromiter((a != b for a, b in zip(*columns, strict=True)), np.bool_, len(ours))
    if not differ.any():
        return []
    i = int(np.argmax(differ))
    return [f"{np.count_nonzero(differ):,} nodes differ, the first is {ours.key(i)} ({KINDS[ours.kind[i]].value} {i})"]


def _edge_differences(data: GraphData, source: GraphData) -> list[str]:
    if len(data.edges) != len(source.edges):
        return [f"it has {len(data.edges):,} edges, the file {len(source.edges):,}"]
    assert isinstance(data.edges, PackedEdges)
    every, at, differ, largest = data.edges.as_arrays(), 0, 0, 0.0
    for theirs in source.edges.blocks(_BLOCK):
        part = slice(at, at + theirs.size)
        ours = EdgeBlock(every.target[part], every.source[part], every.weight[part])
        if (ours.target != theirs.target).any() or (ours.source != theirs.source).any():
            return ["its edges are between other nodes than the file's"]
        differ += int(np.count_nonzero(ours.weight != theirs.weight))
        largest = max(largest, float(np.abs(ours.weight - theirs.weight).max(initial=0)))
        at += theirs.size
    return [f"{differ:,} weights differ, by up to {largest:.3g}"] if differ else []
