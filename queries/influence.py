"""Queries about influence: which nodes and effects the logits flow through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from circuit_atlas.database import Rows
from circuit_atlas.errors import DamagedGraphError, InvalidArgumentError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_range
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.nodes import resolve, to_node
from circuit_atlas.queries.path_results import (
    Contributor,
    Contributors,
    InfluenceGroup,
    InfluenceGroups,
    InfluentialEffect,
    InfluentialEffects,
)
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_PATHS

_DIVERGES = "it does not converge on a cycle without a way out"
GROUPS = ("layer", "position", "kind", "feature")


@graph_query
def contributors(
    graph: StoredGraph,
    *,
    targets: Sequence[str] = (),
    kinds: Iterable[str] = (),
    share: float = 1.0,
    k: int = 20,
) -> Contributors:
    """The nodes through which most of the logits flows, strongest first.

    Args:
        graph: the graph.
        targets: addresses of the nodes to account for, in equal parts; when empty all logits, each weighed by its
            probability.
        kinds: only nodes of these kinds; all but logits when empty.
        share: stop at the smallest set that carries this share of their influence, 0 to 1.
        k: at most this many, 1 to 10,000.

    Raises:
        InvalidArgumentError: an argument is out of range, or the graph has no influence (no logits, or a cycle).
        GraphNotFoundError: no such graph is ready.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidArgumentError(f"share cannot be {share}", fix="It is more than 0, at most 1.")
    check_range("k", k, 1, MAX_PATHS)
    kinds, influences = check_kinds(kinds), _influences(graph, targets)
    rows = ask(
        graph.database, "influence.nodes", graph=graph.name, kinds=kinds, share=share, k=k, influences=influences
    )
    _check_found(graph, rows, kinds, targets)
    return Contributors(
        graph=graph.name,
        contributors=[
            Contributor(node=to_node(row["node"]), influence=row["influence"], cumulative_share=row["cumulative_share"])
            for row in rows
        ],
    )


@graph_query
def influence_by(
    graph: StoredGraph,
    by: str,
    *,
    targets: Sequence[str] = (),
    kinds: Iterable[str] = (),
    k: int = 100,
) -> InfluenceGroups:
    """How much of the logits flows through each `layer`, `position`, `kind` or `feature`; see `contributors`."""
    check_choice("by", by, GROUPS)
    check_range("k", k, 1, MAX_PATHS)
    kinds, influences = check_kinds(kinds), _influences(graph, targets)
    rows = ask(graph.database, "influence.groups", graph=graph.name, by=by, kinds=kinds, k=k, influences=influences)
    _check_found(graph, rows, kinds, targets)
    return InfluenceGroups(graph=graph.name, by=by, groups=[InfluenceGroup(**row) for row in rows])


@graph_query
def edge_influence(graph: StoredGraph, *, targets: Sequence[str] = (), k: int = 20) -> InfluentialEffects:
    """The k direct effects through which most of the logits flows: normalised weight times what flows through the
    target (`compute_edge_influence` of circuit_tracer.graph); arguments and errors as of `contributors`."""
    check_range("k", k, 1, MAX_PATHS)
    influences = _influences(graph, targets, with_weights=True)
    rows = ask(graph.database, "influence.edges", graph=graph.name, k=k, influences=influences)
    _check_found(graph, rows, [], targets)
    effects = [
        InfluentialEffect(
            source=to_node(row["source"]),
            target=to_node(row["target"]),
            weight=row["weight"],
            influence=row["influence"],
        )
        for row in rows
    ]
    return InfluentialEffects.model_validate({"graph": graph.name, "edges": effects})


def _check_found(graph: StoredGraph, rows: Rows, kinds: list[str], targets: Sequence[str]) -> None:
    """Refuse an answer that is empty because the stored influence is gone.

    Raises:
        DamagedGraphError: it is.
    """
    if not rows and not kinds and not targets and graph.properties["edges"] and graph.logits:
        stored = ask(graph.database, "nodes.values", graph=graph.name, names=["influence"])[0]["values"]
        if all(math.isnan(value) for value in stored):
            raise DamagedGraphError(
                "its nodes have no influence any more",
                where=graph.name,
                fix=f"`circuit-atlas verify {graph.name} --repair` stores it again.",
            )


def _influences(graph: StoredGraph, targets: Sequence[str], *, with_weights: bool = False) -> list[float] | None:
    """Influence of all nodes on `targets`, by ordinal, with the weights of the targets or without; None where the
    stored one serves."""
    stored = graph.properties
    if not targets:
        if stored.get("completeness_score") is None:
            problem = "the graph has no logits" if stored["acyclic"] else _DIVERGES
            raise InvalidArgumentError(f"influence is undefined: {problem}", where=graph.name, fix="Name a target.")
        return None
    import numpy as np

    from circuit_atlas.graph.influence import node_influence
    from circuit_atlas.queries.stored_arrays import read_arrays

    columns = read_arrays(graph)
    weights = np.zeros(len(columns.keys))
    ends = [columns.ordinal[resolve(graph, address, prefer=Kind.LOGIT).key] for address in targets]
    weights[ends] = 1 / len(set(ends))
    influence = node_influence(columns.edges, columns.order, columns.input_sum, weights)
    if influence is None:
        raise InvalidArgumentError(f"influence is undefined: {_DIVERGES}", where=graph.name)
    values: list[float] = (influence + weights if with_weights else influence).tolist()
    return values
