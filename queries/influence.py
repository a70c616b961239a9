"""Queries about influence: which nodes and effects the logits flow through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING

from circuit_atlas.database import Rows
from circuit_atlas.errors import DamagedGraphError, InvalidArgumentError
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_range
from circuit_atlas.queries.contrast import contrast_of
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.group_notes import notes_on_groups
from circuit_atlas.queries.influence_results import (
    Contributor,
    Contributors,
    InfluenceByLength,
    InfluenceGroup,
    InfluenceGroups,
    InfluenceOfLength,
    InfluentialEffect,
    InfluentialEffects,
)
from circuit_atlas.queries.node_rows import rows_at, to_node
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import INFLUENCE_GROUPS, MAX_PATHS

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64
    from circuit_atlas.queries.stored_arrays import StoredArrays

DIVERGES = "it does not converge: nothing, or less than about 2 %, leads out of a cycle"


@graph_query
def contributors(
    graph: StoredGraph,
    *,
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    kinds: Iterable[str] = (),
    share: float | None = None,
    k: int | None = None,
    circuit: str | None = None,
) -> Contributors:
    """The nodes through which most of the logits flows, strongest first.

    Args:
        graph: the graph.
        targets: addresses of the nodes to explain, in equal parts; when empty all logits, each weighted by its
            probability.
        minus: addresses of nodes that are subtracted: what is explained is the sum of the targets without these, one
            node, as in `search_paths`; the first target is then the most probable logit when none is given.
        weights: weights of targets in that sum, by address; 1 for the others.
        kinds: only nodes of these kinds; all but logits when empty.
        share: stop at the smallest set that carries this share of their influence, 0 to 1; with 1, all that have any.
        k: at most this many, 1 to 10,000; by default 20, or as many as the share takes.
        circuit: name of a circuit: only along paths in it, and only its nodes, tokens and logits.

    Raises:
        InvalidArgumentError: an argument is out of range, or the graph has no influence (no logits, or a cycle); or
            see `contrast_of`.
        CircuitNotFoundError: the graph has no such circuit.
        GraphNotFoundError: no such graph is ready.
    """
    if share is not None and not 0.0 < share <= 1.0:
        raise InvalidArgumentError(f"share cannot be {share}", fix="It must be more than 0 and at most 1.")
    k = (20 if share is None else MAX_PATHS) if k is None else k
    check_range("k", k, 1, MAX_PATHS)
    contrast = contrast_of(graph, targets, minus, weights)
    kinds, influences = check_kinds(kinds), influences_of(graph, targets, contrast, circuit=circuit)
    rows = ask(
        graph.database, "influence.nodes", graph=graph.name, kinds=kinds, share=share or 1.0, k=k, influences=influences
    )
    _check_found(graph, rows, kinds, targets or contrast)
    carried = rows[-1]["cumulative_share"] if rows else 1.0
    is_cut = share is not None and len(rows) == k and carried < share
    notes = (
        [f"The first {k:,} nodes carry only {carried:.3g} of the influence. A larger k (-k) shows the rest."]
        if is_cut
        else []
    )
    return Contributors(
        graph=graph.name,
        contrast=contrast,
        contributors=[
            Contributor(node=to_node(row["node"]), influence=row["influence"], cumulative_share=row["cumulative_share"])
            for row in rows
        ],
        notes=[*notes, *notes_on_groups(graph, ["kind"] if kinds else [])],
    )


@graph_query
def influence_by(
    graph: StoredGraph,
    by: str,
    *,
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    kinds: Iterable[str] = (),
    k: int = 100,
    circuit: str | None = None,
) -> InfluenceGroups:
    """How much of the logits flows through each `layer`, `position`, `kind` or `feature`; see `contributors`."""
    check_choice("by", by, INFLUENCE_GROUPS)
    check_range("k", k, 1, MAX_PATHS)
    contrast = contrast_of(graph, targets, minus, weights)
    kinds, influences = check_kinds(kinds), influences_of(graph, targets, contrast, circuit=circuit)
    rows = ask(graph.database, "influence.groups", graph=graph.name, by=by, kinds=kinds, k=k + 1, influences=influences)
    _check_found(graph, rows, kinds, targets or contrast)
    is_without = by == "position" and not rows and not graph.properties["n_pos"]
    notes = ["The nodes have no positions."] if is_without else []
    notes += notes_on_groups(graph, [by, *(["kind"] if kinds else [])])
    if len(rows) > k:
        notes.append(f"There are more than these {k:,} groups (-k).")
    groups = [InfluenceGroup(**row) for row in rows[:k]]
    return InfluenceGroups(graph=graph.name, by=by, groups=groups, contrast=contrast, notes=notes)


@graph_query
def edge_influence(
    graph: StoredGraph,
    *,
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    k: int = 20,
    circuit: str | None = None,
) -> InfluentialEffects:
    """The k direct effects through which most of the logits flows: normalised weight times what flows through the
    target (`compute_edge_influence` of circuit_tracer.graph); arguments and errors as of `contributors`."""
    check_range("k", k, 1, MAX_PATHS)
    contrast = contrast_of(graph, targets, minus, weights)
    if contrast is None:
        influences, within = _arriving(graph, targets, circuit)
        rows = ask(graph.database, "influence.edges", graph=graph.name, k=k, influences=influences, within=within)
        _check_found(graph, rows, [], targets)
    else:
        rows = _influential_effects(graph, contrast, k, circuit)
    effects = [
        InfluentialEffect(
            source=to_node(row["source"]),
            target=to_node(row["target"]),
            weight=row["weight"],
            influence=row["influence"],
        )
        for row in rows
    ]
    return InfluentialEffects.model_validate({"graph": graph.name, "edges": effects, "contrast": contrast})


@graph_query
def influence_by_length(
    graph: StoredGraph,
    *,
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    k: int = 100,
    circuit: str | None = None,
) -> InfluenceByLength:
    """How much of the logits flows through paths of 1, 2, 3, ... effects, by the kind of node where the paths begin.

    Paths begin at the nodes that nothing acts on: tokens, errors, and features whose inputs were pruned. All of them
    together carry the whole of what the logits' inputs bring.

    Args:
        graph: the graph.
        targets: see `contributors`.
        minus: see `contributors`.
        weights: see `contributors`.
        k: lengths up to this one, 1 to 10,000.
        circuit: name of a circuit: only paths in it. They carry a part of what the logits' inputs bring.

    Raises:
        InvalidArgumentError, CircuitNotFoundError, GraphNotFoundError: see `contributors`.
    """
    import numpy as np

    from circuit_atlas.graph.influence import influence_by_length
    from circuit_atlas.queries.stored_arrays import read_arrays

    check_range("k", k, 1, MAX_PATHS)
    contrast = contrast_of(graph, targets, minus, weights)
    columns = read_arrays(graph, contrast=contrast)
    ends = target_weights(graph, columns, targets, contrast)
    edges, begins = columns.edges, columns.edges.inputs == 0
    if not targets and contrast is None:
        check_defined(graph)
    if circuit is not None:
        from circuit_atlas.queries.circuit_arrays import read_within

        within = read_within(graph, circuit, targets, contrast).nodes
        edges, begins = edges.among(within), begins & within
    kinds = [kind for kind in Kind if (begins & (columns.kind == kind)).any()]
    starts = [begins & (columns.kind == kind) for kind in kinds]
    flows = influence_by_length(edges, columns.input_sum, ends, starts, k + 1)
    notes = [f"Paths of more than {k:,} effects are left out (-k)."] if flows[k:].any() else []
    flows = flows[:k]
    if not flows.any():
        return InfluenceByLength(graph=graph.name, lengths=[], contrast=contrast, notes=notes)
    reached = float(ends[columns.edges.inputs > 0].sum())
    cumulative = np.cumsum(flows.sum(axis=1)).tolist()
    lengths = [
        InfluenceOfLength(
            length=length,
            influence=float(row.sum()),
            cumulative_share=so_far / reached if reached else 0.0,
            by_start=dict(zip(kinds, row.tolist(), strict=True)),
        )
        for length, (row, so_far) in enumerate(zip(flows, cumulative, strict=True), 1)
    ]
    return InfluenceByLength(graph=graph.name, lengths=lengths, contrast=contrast, notes=notes)


def is_defined(graph: StoredGraph) -> bool:
    """Whether influence on the logits is defined."""
    return graph.properties.get("completeness_score") is not None


def check_defined(graph: StoredGraph) -> None:
    """Raise InvalidArgumentError unless influence on the logits is defined."""
    stored = graph.properties
    if not is_defined(graph):
        missing = "its logits have no probabilities" if graph.logits else "the graph has no logits"
        problem = missing if stored["acyclic"] else DIVERGES
        raise InvalidArgumentError(f"influence is undefined: {problem}", where=graph.name, fix="Name a target.")


def target_weights(
    graph: StoredGraph, columns: StoredArrays, targets: Sequence[str], contrast: Contrast | None = None
) -> Float64:
    """The weights of the nodes to explain, float64 (n,): of a contrast; equal parts of `targets`; or the logits'
    probabilities.

    Raises:
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
    """
    import numpy as np

    weights = np.zeros(len(columns.keys))
    if contrast is not None:
        weights[columns.ordinal[contrast.node.key]] = 1
    elif targets:
        ends = [columns.ordinal[resolve(graph, address, prefer=Kind.LOGIT).key] for address in targets]
        weights[ends] = 1 / len(set(ends))
    else:
        # Not only of nodes of kind logit: a supernode of a logit and other nodes is of another kind.
        rows = ask(graph.database, "nodes.values", graph=graph.name, names=["probability"])
        weights = np.nan_to_num(np.array(rows[0]["values"], np.float64))
    return weights


def _check_found(graph: StoredGraph, rows: Rows, kinds: list[str], targets: Sequence[str] | Contrast | None) -> None:
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
                fix=f"`circuit-atlas verify {quote(graph.name)} --repair` stores it again.",
            )


def influences_of(
    graph: StoredGraph,
    targets: Sequence[str],
    contrast: Contrast | None,
    *,
    with_weights: bool = False,
    circuit: str | None = None,
) -> list[float] | None:
    """Influence of all nodes on `targets` or a contrast, by ordinal, with the weights of the targets or without; None
    where the stored one serves. In a circuit, that of its nodes, tokens and targets along paths in it.

    Raises:
        InvalidArgumentError: influence is undefined.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError: see `resolve`.
    """
    if circuit is not None:
        return _influences_in(graph, targets, contrast, circuit)
    if not targets and contrast is None:
        check_defined(graph)
        return None
    from circuit_atlas.queries.stored_arrays import read_arrays

    columns = read_arrays(graph, contrast=contrast)
    weights = target_weights(graph, columns, targets, contrast)
    influence = _influence(graph, columns, weights)
    values: list[float] = (influence + weights if with_weights else influence)[: graph.properties["nodes"]].tolist()
    return values


def _influence(graph: StoredGraph, columns: StoredArrays, weights: Float64) -> Float64:
    """See `node_influence`."""
    from circuit_atlas.graph.influence import node_influence

    influence = node_influence(columns.edges, columns.order, columns.input_sum, weights)
    if influence is None:
        raise InvalidArgumentError(f"influence is undefined: {DIVERGES}", where=graph.name)
    return influence


def _arriving(graph: StoredGraph, targets: Sequence[str], circuit: str | None) -> tuple[list[float] | None, list[str]]:
    """Influence with the weights of the targets, as of `influences_of`; and the nodes whose effects count, all when
    empty."""
    if circuit is None:
        return influences_of(graph, targets, None, with_weights=True), []
    from circuit_atlas.queries.circuit_arrays import read_within

    within = read_within(graph, circuit, targets)
    return (within.influence + within.weights).tolist(), within.keys


def _influences_in(graph: StoredGraph, targets: Sequence[str], contrast: Contrast | None, circuit: str) -> list[float]:
    from circuit_atlas.queries.circuit_arrays import read_within

    influence = read_within(graph, circuit, targets, contrast).influence
    values: list[float] = influence[: graph.properties["nodes"]].tolist()
    return values


def _influential_effects(graph: StoredGraph, contrast: Contrast, k: int, circuit: str | None) -> Rows:
    """Rows of influence.edges for a contrast, whose own effects are not in the database."""
    import numpy as np

    from circuit_atlas.graph.packed import largest
    from circuit_atlas.queries.circuit_arrays import read_within
    from circuit_atlas.queries.stored_arrays import read_arrays
    from circuit_atlas.schema.limits import MIN_INPUT_SUM

    columns = read_arrays(graph, contrast=contrast)
    if circuit is None:
        weights = target_weights(graph, columns, (), contrast)
        flow, edges = _influence(graph, columns, weights) + weights, columns.edges
    else:
        within = read_within(graph, circuit, (), contrast)
        flow, edges = within.influence + within.weights, columns.edges.among(within.nodes)
    target = np.repeat(np.arange(len(columns.keys)), edges.inputs)
    influence = np.abs(edges.weight) * (flow / np.maximum(columns.input_sum, MIN_INPUT_SUM))[target]
    best = [i for i in largest(k, influence, target, edges.source).tolist() if influence[i] > 0]
    nodes = rows_at(graph, np.unique([target[best], edges.source[best]]).tolist(), contrast)
    return [
        {
            "source": nodes[int(edges.source[i])],
            "target": nodes[int(target[i])],
            "weight": float(edges.weight[i]),
            "influence": float(influence[i]),
        }
        for i in best
    ]
