"""The circuits of a stored graph, as `graph.circuits` scores and chooses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.circuits import Circuits
from circuit_atlas.graph.data import Bool, Float64
from circuit_atlas.graph.influence import node_influence
from circuit_atlas.queries.circuits import nodes_within
from circuit_atlas.queries.influence import DIVERGES, check_defined, target_weights
from circuit_atlas.queries.stored_arrays import StoredArrays, read_arrays
from circuit_atlas.schema.keys import Kind

if TYPE_CHECKING:
    from circuit_atlas.queries.contrast_results import Contrast
    from circuit_atlas.queries.graphs import StoredGraph


class Within(NamedTuple):
    """The part of a graph of n nodes that a question restricted to a stored circuit sees. A contrast is the last node.

    Args:
        keys: of the nodes of the circuit, of all tokens and logits, and of the targets that are stored.
        nodes: bool (n,): these nodes, and a contrast.
        weights: float64 (n,): the weights of the targets.
        influence: float64 (n,): what flows through each of the nodes along paths in the circuit; 0 for other nodes.
    """

    keys: list[str]
    nodes: Bool
    weights: Float64
    influence: Float64


def read_within(
    graph: StoredGraph, circuit: str, targets: Sequence[str] = (), contrast: Contrast | None = None
) -> Within:
    """The part of a graph that a stored circuit has; arguments and errors as of `read_circuits`.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name.
    """
    held = nodes_within(graph, circuit)
    circuits, columns = read_circuits(graph, targets, contrast)
    nodes = circuits.weights > 0
    nodes[[columns.ordinal[key] for key in held]] = True
    keys = [columns.keys[i] for i in np.flatnonzero(nodes[: graph.properties["nodes"]]).tolist()]
    return Within(keys, nodes, circuits.weights, np.where(nodes, circuits.influence(nodes), 0.0))


def read_circuits(
    graph: StoredGraph, targets: Sequence[str] = (), contrast: Contrast | None = None
) -> tuple[Circuits, StoredArrays]:
    """The circuits of a graph that explain some targets, and the graph's nodes and edges.

    Args:
        graph: the graph.
        targets: addresses of nodes, in equal parts; when empty all logits, each weighted by its probability.
        contrast: what stands in the place of the targets.

    Raises:
        InvalidArgumentError: influence on the targets is undefined.
        NodeNotFoundError, AmbiguousNodeError: see `queries.addresses.resolve`.
    """
    if not targets and contrast is None:
        check_defined(graph)
    columns = read_arrays(graph, contrast=contrast)
    weights = target_weights(graph, columns, targets, contrast)
    is_undefined = columns.order is None and node_influence(columns.edges, None, columns.input_sum, weights) is None
    if is_undefined:
        raise InvalidArgumentError(f"influence is undefined: {DIVERGES}", where=graph.name, fix="Name a target.")
    circuits = Circuits(
        edges=columns.edges,
        order=columns.order,
        input_sum=columns.input_sum,
        weights=weights,
        is_token=columns.kind == Kind.TOKEN,
        is_error=columns.kind == Kind.ERROR,
        is_logit=columns.kind == Kind.LOGIT,
    )
    return circuits, columns
