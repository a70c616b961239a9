"""Bounds for searches that the bounds stored at ingest do not serve: computed from the graph's edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from circuit_atlas.graph import table_rows
from circuit_atlas.graph.bounds import Semiring, best_through, best_values, semiring, token_starts
from circuit_atlas.graph.data import Float64
from circuit_atlas.queries.path_notes import check_must_pass
from circuit_atlas.queries.stored_arrays import StoredArrays, read_arrays

if TYPE_CHECKING:
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import PathSearch


def bounds_for(graph: StoredGraph, search: PathSearch, targets: Sequence[str] = ()) -> dict[str, Any]:
    """The parameters `bounds` and `must_pass` of paths.top_k for a search.

    Raises:
        InvalidArgumentError: a node to pass is one that no path may pass.
    """
    columns = read_arrays(graph, edge_value=search.edge_value)
    check_must_pass(columns, search, _passable(columns, search), targets)
    if search.must_pass and columns.order is not None:
        return _staged(columns, search)
    return {"bounds": _in_blocks(_best(columns, search, _starts(columns, search)))}


def _rules(search: PathSearch) -> Semiring:
    return semiring(search.score, search.sign)


def _starts(columns: StoredArrays, search: PathSearch) -> Float64:
    return token_starts(columns.is_start(search.sources), _rules(search))


def _best(columns: StoredArrays, search: PathSearch, starts: Float64) -> Float64:
    return best_values(
        columns.edges,
        starts[: search.max_hops + 1],
        _rules(search),
        input_sums=columns.input_sum,
        passable=_passable(columns, search),
        min_weight=search.min_weight,
    )


def _passable(columns: StoredArrays, search: PathSearch) -> np.ndarray:
    passable = np.ones(len(columns.keys), np.bool_)
    for column, allowed in (
        (columns.kind, search.kinds),
        (columns.layer, search.layers),
        (columns.position, search.positions),
    ):
        if allowed:
            passable &= np.isin(column, allowed)
    passable[[columns.ordinal[key] for key in search.avoid]] = False
    return passable


def _staged(columns: StoredArrays, search: PathSearch) -> dict[str, Any]:
    order = columns.order
    assert order is not None
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    must_pass = sorted({columns.ordinal[key] for key in search.must_pass}, key=lambda ordinal: place[ordinal])
    best = best_through(
        lambda starts: _best(columns, search, starts), _starts(columns, search)[: search.max_hops + 1], must_pass
    )
    return {"bounds": _in_blocks(best), "must_pass": must_pass}


def _in_blocks(best: Float64) -> list[list[list[float]]]:
    return [table_rows.in_blocks(level) for level in best]
