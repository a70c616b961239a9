"""A graph collapsed by its supernodes: each group of nodes becomes one node, and parallel effects are combined.

Write W(s, t) for the direct effect of s on t, I(t) for the sum of |W| over all inputs of t, and E(t) for the part of
I(t) that comes from outside the supernode of t; E(t) = I(t) for a node in no supernode. For S and T, supernodes or
single nodes, circuit-tracer's frontend has two weights:

    shares   weight(S, T) = sum of W(s, t) / I(t) over s in S, t in T, divided by the sum of E(t) / I(t) over t in T
    sums     weight(S, T) = sum of W(s, t) over s in S, t in T

`shares` is the link in its subgraph (`init-cg-subgraph.js`): the share of the inputs from outside that comes from S,
as W(s, t) / I(t) is between single nodes. `sums` is the effect that it lists when a supernode is clicked
(`init-cg.js`). Left out are effects inside a supernode, effects of a node on itself, and sums that are 0. A node in
several supernodes counts in the last of them, as in the frontend.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import (
    KINDS,
    NO_VALUE,
    TEXTS,
    ArrayEdges,
    Edges,
    Float64,
    GraphData,
    Int32,
    Int64,
    NodeColumns,
)
from circuit_atlas.graph.pairs import SOURCE, summed
from circuit_atlas.schema.keys import SUPERNODE, Kind
from circuit_atlas.schema.limits import COLLAPSED_WEIGHTS
from circuit_atlas.schema.models import AGGREGATE_FIELDS, GraphMetadata, Supernode

SHARES, _ = COLLAPSED_WEIGHTS
_BLOCK = 1 << 20


class Grouping(NamedTuple):
    """Which node of the collapsed graph each of n nodes becomes.

    `ordinal`, int32 (n,), is its ordinal there. `groups` has, for each ordinal there, the supernode and the ordinals
    (int64) of those of its members that count in it; or None and the ordinal of a single node. A group stands where the
    first of its members stood.
    """

    ordinal: Int32
    groups: list[tuple[Supernode | None, Int64]]


def collapse(data: GraphData, weights: str = SHARES, **collapsed: str) -> GraphData:
    """The graph collapsed by its supernodes.

    A supernode has what its members have in common: kind (else `other`), layer and position. It has the sum of their
    probabilities, no index and no activation.

    Args:
        data: the whole graph.
        weights: `shares` or `sums`, see the module's text.
        collapsed: further fields of the metadata: `collapsed_from`, `collapsed_state`.

    Raises:
        InvalidArgumentError: a node of the graph already has the id that a supernode would get.
    """
    grouping = group_nodes(len(data.nodes), data.supernodes)
    taken = {f"{SUPERNODE}/{supernode.name}" for supernode in data.supernodes}.intersection(data.nodes.source_id)
    if taken:
        raise InvalidArgumentError(f"a node already has the id {min(taken)!r}", fix="Give the supernode another name.")
    nodes = _collapsed_nodes(data.nodes, grouping.groups)
    return GraphData(
        metadata=_collapsed_metadata(data.metadata, nodes, weights, collapsed),
        nodes=nodes,
        edges=collapse_edges(data.edges, grouping, weights),
    )


def group_nodes(n: int, supernodes: Sequence[Supernode]) -> Grouping:
    """How n nodes are grouped by supernodes; a node in several belongs to the last."""
    owner = np.full(n, NO_VALUE, np.int64)
    for i, supernode in enumerate(supernodes):
        owner[list(supernode.members)] = i
    # A number for each group: that of the supernode, or a further one for each single node.
    number = np.where(owner == NO_VALUE, len(supernodes) + np.arange(n), owner)
    _, first, inverse = np.unique(number, return_index=True, return_inverse=True)
    # np.unique sorts groups by number; sort them by their first member instead.
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    ordinal = rank[inverse].astype(np.int32)
    sizes = np.bincount(ordinal, minlength=len(first))
    members = np.split(np.argsort(ordinal, kind="stable"), np.cumsum(sizes)[:-1])
    groups = [(None if owner[at[0]] == NO_VALUE else supernodes[owner[at[0]]], at) for at in members if len(at)]
    return Grouping(ordinal, groups)


def collapse_edges(edges: Edges, grouping: Grouping, weights: str = SHARES) -> ArrayEdges:
    """The edges of the collapsed graph; see the module's text.

    Args:
        edges: edges of the whole graph.
        grouping: how its nodes are grouped.
        weights: `shares` or `sums`.
    """
    group, n = grouping.ordinal, len(grouping.groups)
    is_single = np.array([supernode is None for supernode, _ in grouping.groups], np.bool_)[group]
    inputs, outside, parts = np.zeros(len(group)), np.zeros(len(group)), []  # I(t), E(t), and W(S, t)
    for block in edges.blocks(_BLOCK):
        source = group[block.source]
        size = np.abs(block.weight)
        is_kept = source != group[block.target]
        # The effect of a single node on itself is left out, but it does not come from inside a supernode either.
        is_outside = is_kept | (block.source == block.target) & is_single[block.target]
        inputs += np.bincount(block.target, size, len(group))
        outside += np.bincount(block.target[is_outside], size[is_outside], len(group))
        parts.append(_summed(block.target[is_kept], source[is_kept], block.weight[is_kept]))
    # Sum over sources first, while targets are still single nodes: weights that cancel out give exactly 0 only if they
    # are not divided before.
    target, source, weight = _joined(parts)
    if weights == SHARES:
        weight = weight / inputs[target]
    target, source, weight = _summed(group[target], source, weight)
    if weights == SHARES:
        share = np.divide(outside, inputs, out=np.zeros_like(inputs), where=inputs > 0)
        weight = weight / np.bincount(group, share, n)[target]
    keep = weight != 0
    return ArrayEdges(target[keep], source[keep], weight[keep])


Triples = tuple[Int32, Int32, Float64]


def _summed(target: Int32, source: Int32, weight: Float64) -> Triples:
    """Parallel edges added up, in order of target, then source; left out where they cancel."""
    pair, total = summed(target, source, weight)
    return (pair >> 32).astype(np.int32), (pair & SOURCE).astype(np.int32), total


def _joined(parts: list[Triples]) -> Triples:
    """The edges of all blocks: a target's row may be spread over several, so they are added up once more."""
    if not parts:
        return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)
    columns = zip(*parts, strict=True)
    target, source, weight = (np.concatenate(column) for column in columns)
    return _summed(target, source, weight)


def _collapsed_metadata(
    metadata: GraphMetadata, nodes: NodeColumns, weights: str, collapsed: dict[str, str]
) -> GraphMetadata:
    slug = f"{metadata.slug}-collapsed"
    pinned = [nodes.source_id[i] for i in np.flatnonzero(nodes.pinned)]
    return metadata.model_copy(
        update={
            "slug": slug,
            "file_metadata": {**metadata.file_metadata, "slug": slug} if metadata.file_metadata else {},
            "file_qparams": {**metadata.file_qparams, "pinnedIds": pinned, "supernodes": []},
            "file_extra": {},
            "file_form": {},
            "warnings": [],
            **dict.fromkeys(AGGREGATE_FIELDS),
            "collapsed_weights": weights,
            **collapsed,
        }
    )


def _collapsed_nodes(nodes: NodeColumns, groups: list[tuple[Supernode | None, Int64]]) -> NodeColumns:
    """Each group as its first member, and then supernodes as what their members have in common."""
    first = np.array([members[0] for _, members in groups], np.int64)
    merged = nodes.take(first)
    # `_merge` writes into columns that a graph from a `.pt` does not have.
    absent: dict[str, Any] = {name: [None] * len(first) for name in TEXTS if not getattr(merged, name)}
    pinned = merged.pinned if len(merged.pinned) else np.zeros(len(first), np.bool_)
    merged = replace(merged, **absent, pinned=pinned)
    for i, (supernode, members) in enumerate(groups):
        if supernode is not None:
            _merge(merged, i, supernode.name, nodes, members)
    return merged


def _merge(merged: NodeColumns, i: int, name: str, nodes: NodeColumns, members: Int64) -> None:
    kind = _common(nodes.kind[members], KINDS.index(Kind.OTHER))
    probabilities = nodes.probability[members][~np.isnan(nodes.probability[members])]
    merged.kind[i] = kind
    merged.layer[i], merged.position[i] = _common(nodes.layer[members]), _common(nodes.position[members])
    merged.index[i] = NO_VALUE
    merged.activation[i] = np.nan
    merged.cumulative_influence[i] = _cumulative_influence(nodes, members)
    merged.probability[i] = probabilities.sum() if len(probabilities) else np.nan
    merged.token[i] = name if KINDS[kind] in (Kind.TOKEN, Kind.LOGIT) else None
    merged.label[i] = name
    merged.source_id[i] = merged.js_node_id[i] = f"{SUPERNODE}/{name}"
    merged.feature_type[i] = SUPERNODE
    merged.extra[i] = json.dumps(
        {"feature": None, **_location(nodes, members), "members": [nodes.key(member) for member in members]}
    )
    merged.pinned[i] = True


def _cumulative_influence(nodes: NodeColumns, members: Int64) -> float:
    """That of the strongest member: circuit-tracer's page leaves out what is weaker than its threshold, or has none.
    Tokens and logits are always shown, and have none in a file."""
    is_end = np.isin(nodes.kind[members], [KINDS.index(Kind.TOKEN), KINDS.index(Kind.LOGIT)])
    if is_end.any() and not np.isnan(nodes.cumulative_influence).all():
        return 0.0
    return float(np.fmin.reduce(nodes.cumulative_influence[members]))


def _common(values: npt.NDArray[Any], otherwise: int = NO_VALUE) -> int:
    """The value that all have, or `otherwise`."""
    return int(values[0]) if (values == values[0]).all() else otherwise


def _location(nodes: NodeColumns, members: Int64) -> dict[str, Any]:
    """Where a frontend draws a supernode: `layer` and `ctx_idx` of the member in the middle."""
    middle = members[np.lexsort((nodes.position[members], nodes.depth[members]))[len(members) // 2]]
    fields = json.loads(nodes.extra[middle] or "{}") if nodes.extra else {}
    return {"layer": fields.get("layer", str(nodes.layer[middle])), "ctx_idx": int(nodes.position[middle])}
