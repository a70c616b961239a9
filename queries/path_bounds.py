"""Bounds for searches that the bounds stored at ingest do not serve: computed from the graph's edges, and kept in the
database if the graph is large."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from circuit_atlas.errors import AtlasError
from circuit_atlas.graph import table_rows
from circuit_atlas.graph.bounds import PathTables, Semiring, must_pass_tables, path_tables, semiring, token_starts
from circuit_atlas.graph.data import Float64
from circuit_atlas.queries.stored_arrays import StoredArrays, read_arrays
from circuit_atlas.schema import path_tables as statements
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.limits import CACHE_FROM, MAX_CACHED_BOUNDS, MAX_HOPS

if TYPE_CHECKING:
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import PathSearch

_log = logging.getLogger(__name__)


def bounds_for(graph: StoredGraph, search: PathSearch) -> dict[str, Any]:
    """Parameters of paths.top_k with its bounds: `sources`, the name of kept tables, or `bounds` with all values."""
    keeps = graph.properties["edges"] >= CACHE_FROM and not search.must_pass and search.edge_value is None
    where = {"graph": graph.name, "sources": search.name_in(graph.version), "sign": search.sign}
    if keeps and graph.database.run(statements.HAS_CACHED_BOUNDS, where).rows[0]["cached"]:
        return {"sources": where["sources"]}
    columns = read_arrays(graph, edge_value=search.edge_value)
    if search.must_pass and columns.order is not None:
        return _staged(columns, search)
    tables = _tables(columns, search, _starts(columns, search), MAX_HOPS if keeps else search.max_hops, keeps)
    if keeps and _keep(graph, where, tables, columns.input_sum):
        return {"sources": where["sources"]}
    return {"bounds": _in_blocks(tables.best[: search.max_hops + 1])}


def _rules(search: PathSearch) -> Semiring:
    return semiring(search.score, search.sign)


def _starts(columns: StoredArrays, search: PathSearch) -> Float64:
    return token_starts(columns.is_start(search.sources), _rules(search))


def _tables(columns: StoredArrays, search: PathSearch, starts: Float64, hops: int, shortlists: bool) -> PathTables:
    return path_tables(
        columns.edges,
        columns.order,
        starts,
        _rules(search),
        input_sums=columns.input_sum,
        hops=hops,
        passable=_passable(columns, search),
        min_weight=search.min_weight,
        shortlists=shortlists and columns.order is not None,
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
    passable[[columns.ordinal[key] for key in search.must_pass]] = True
    return passable


def _staged(columns: StoredArrays, search: PathSearch) -> dict[str, Any]:
    order = columns.order
    assert order is not None
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    must_pass = sorted({columns.ordinal[key] for key in search.must_pass}, key=lambda ordinal: place[ordinal])
    hops = search.max_hops
    best = must_pass_tables(
        lambda starts: _tables(columns, search, starts, hops, shortlists=False),
        _starts(columns, search)[: hops + 1],
        must_pass,
    )
    return {"bounds": _in_blocks(best), "must_pass": must_pass}


def _keep(graph: StoredGraph, where: dict[str, Any], tables: PathTables, input_sums: Float64) -> bool:
    """Whether the tables were kept. A read-only user cannot keep them: the caller then passes them as parameters."""
    try:
        for rows in batches(table_rows.shortlist_rows(tables, input_sums), table_rows.SHORTLIST_BATCH_SIZE):
            graph.write((statements.CACHE_SHORTLISTS, {**where, "rows": rows}))
        parameters = {**where, "rows": table_rows.bound_rows(tables.best), "max_cached": MAX_CACHED_BOUNDS}
        graph.write((statements.CACHE_BOUNDS, parameters))
    except AtlasError as error:
        _log.info("bounds were not kept: %s", error.what)
        return False
    _log.info("kept bounds of graph %r for the next search of this kind", graph.name)
    return True


def _in_blocks(best: Float64) -> list[list[list[float]]]:
    return [table_rows.in_blocks(level) for level in best]
