"""Bounds for searches that the bounds stored at ingest do not serve: computed from the graph's edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.bounds import Semiring, best_through, best_values, semiring, signed, token_starts
from circuit_atlas.graph.data import Bool, Float64
from circuit_atlas.graph.stages import Stages, stages_of
from circuit_atlas.queries.path_notes import any_of
from circuit_atlas.queries.stored_arrays import StoredArrays, read_arrays

if TYPE_CHECKING:
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import PathSearch

_MAX_STAGES = 64


class SearchTables(NamedTuple):
    """The tables that a search needs for a graph of n nodes: its columns, and for each stage the best values of paths,
    float64 (max_hops + 1, n), or (max_hops + 1, 2n) for a search of one sign; see `best_values`."""

    columns: StoredArrays
    rules: Semiring
    stages: Stages
    tables: list[Float64]


def search_tables(graph: StoredGraph, search: PathSearch, targets: Sequence[str] = ()) -> SearchTables:
    """The tables of a search.

    Raises:
        InvalidArgumentError: a node to pass is one that no path may pass; or see `stages_for`.
    """
    columns = read_arrays(graph, edge_value=search.edge_value, contrast=search.contrast)
    check_must_pass(columns, search, targets)
    allowed = passable(columns, search)
    stages, rules = stages_for(columns, search), semiring(search.score, search.order)
    starts = token_starts(beginnings(columns, search), rules, search.max_hops)

    def best(starts: Float64) -> Float64:
        return best_values(
            columns.edges,
            starts,
            rules,
            input_sums=columns.input_sum,
            passable=allowed,
            min_weight=search.min_weight,
        )

    tables = best_through(best, signed(starts) if search.sign else starts, stages, len(columns.keys))
    return SearchTables(columns, rules, stages, tables)


def passable(columns: StoredArrays, search: PathSearch) -> Bool:
    """The nodes that a path may pass between its ends, bool (n,)."""
    allowed = np.ones(len(columns.keys), np.bool_)
    for column, wanted in (
        (columns.kind, search.kinds),
        (columns.layer, search.layers),
        (columns.position, search.positions),
    ):
        if wanted:
            allowed &= np.isin(column, wanted)
    if search.within:
        allowed &= np.isin(columns.keys, search.within)
    allowed[[columns.ordinal[key] for key in search.avoid]] = False
    return allowed


def beginnings(columns: StoredArrays, search: PathSearch) -> Bool:
    """The nodes where a path may begin, bool (n,)."""
    starts = columns.is_start(search.sources)
    starts[[columns.ordinal[key] for key in search.avoid]] = False
    return starts


def check_must_pass(columns: StoredArrays, search: PathSearch, targets: Sequence[str]) -> None:
    """Refuse nodes to pass that the other restrictions exclude. They are about nodes between the ends, so a node where
    paths may begin or end is not refused.

    Args:
        columns: the graph.
        search: the search.
        targets: keys of the nodes where paths end.

    Raises:
        InvalidArgumentError: there are such nodes: all of a list of which one must be passed.
    """
    if not search.must_pass:
        return
    allowed = passable(columns, search) | beginnings(columns, search)
    allowed[[columns.ordinal[key] for key in targets]] = True
    for group in search.must_pass:
        if not allowed[[columns.ordinal[key] for key in group]].any():
            is_avoided = set(group) <= set(search.avoid)
            why = "to be avoided, too" if is_avoided else "not of the kinds, layers and positions allowed"
            raise InvalidArgumentError(
                f"no path can pass {any_of(group)} as required: {'they are' if len(group) > 1 else 'it is'} {why}",
                fix="Leave it out of the nodes to pass (--must-pass, --must-pass-any), or allow it.",
            )


def stages_for(columns: StoredArrays, search: PathSearch) -> Stages:
    """The stages of paths that pass the nodes that a search asks for.

    Raises:
        InvalidArgumentError: there are too many.
    """
    groups = {frozenset(columns.ordinal[key] for key in group): None for group in search.must_pass}
    stages = stages_of(list(groups), columns.order if groups else None, _MAX_STAGES)
    if stages is None:
        raise InvalidArgumentError(
            "the nodes to pass have too many possible orders", fix="Name fewer nodes to pass (--must-pass)."
        )
    return stages
