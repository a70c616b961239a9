"""The picture of a stored circuit: its nodes, the most probable logit, and the strongest effects on each."""

from __future__ import annotations

import shlex

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.circuits import held_nodes, pins_of
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.node_rows import titled_at
from circuit_atlas.results.answer import Edge
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Node

MAX_DRAWN_NODES = 50
_INPUTS = 3  # effects that are drawn on each node


def stored_circuit(graph: StoredGraph, name: str) -> tuple[list[Node], list[Edge], int]:
    """The nodes and effects to draw, and how many effects between the circuit's nodes are left out.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name.
        InvalidArgumentError: it has too many nodes.
    """
    import numpy as np

    from circuit_atlas.queries.stored_arrays import read_arrays

    held = len(held_nodes(graph, name))
    if held > MAX_DRAWN_NODES:
        raise InvalidArgumentError(
            f"the circuit {name!r} has {held:,} nodes; a figure can show {MAX_DRAWN_NODES}",
            where=graph.name,
            fix=f"`circuit-atlas circuit {shlex.quote(graph.name)} --nodes {MAX_DRAWN_NODES}` chooses fewer.",
        )
    columns, shown = read_arrays(graph), pins_of(graph, name)
    is_shown = np.zeros(len(columns.keys), np.bool_)
    is_shown[shown] = True
    drawn: list[tuple[int, int, float]] = []
    left = 0
    for row in columns.edges.rows(np.array(shown, np.int32)):
        inside = is_shown[row.source]
        source, weight = row.source[inside], row.weight[inside]
        strongest = np.lexsort((source, -np.abs(weight)))[:_INPUTS].tolist()
        left += len(source) - len(strongest)
        drawn += [(int(source[i]), int(row.target[0]), float(weight[i])) for i in strongest]
    touched = {end for source, target, _ in drawn for end in (source, target)}
    ordinals = [i for i in shown if i in touched or columns.kind[i] != Kind.TOKEN]
    nodes = titled_at(graph, ordinals)
    return list(nodes.values()), [(nodes[source], nodes[target], weight) for source, target, weight in drawn], left
