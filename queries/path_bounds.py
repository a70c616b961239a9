"""Bounds for searches that those stored at ingest do not serve: made from the graph's edges, kept if that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from circuit_atlas.queries.columns import Columns, read_columns
from circuit_atlas.schema import path_tables as statements
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.limits import CACHE_FROM, MAX_CACHED_BOUNDS, MAX_HOPS

from circuit_atlas.errors import AtlasError
from circuit_atlas.graph import table_rows
from circuit_atlas.graph.bounds import PathTables, Semiring, must_pass_tables, path_tables, semiring, token_starts
from circuit_atlas.graph.data import Float64

if TYPE_CHECKING:
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import Search
    from circuit_atlas.queries.runner import QueryRunner


def bounds_for(runner: QueryRunner, graph: StoredGraph, search: Search) -> dict[str, Any]:
    """The parameters of paths.top_k that say which bounds to take: `sources` of kept tables, or `bounds` themselves."""
    keeps = graph["edges"] >= CACHE_FROM and not search.must_pass and search.edge_value is None
    where = {"graph": graph["name"], "sources": search.name, "sign": search.sign}
    if keeps and runner.run(statements.HAS_CACHED_BOUNDS, where).rows[0]["cached"]:
        return {"sources": search.name}
    columns = read_columns(runner, graph, edge_value=search.edge_value)
    if search.must_pass and columns.order is not None:
        return _staged(columns, search)
    tables = _tables(columns, search, _starts(columns, search), MAX_HOPS if keeps else search.max_hops, keeps)
    if keeps and _keep(runner, where | {"content": graph["content_hash"]}, tables, columns.input_sum):
        return {"sources": search.name}
    return {"bounds": _in_blocks(tables.best[: search.max_hops + 1])}


def _rules(search: Search) -> Semiring:
    return semiring(search.score, search.sign)


def _starts(columns: Columns, search: Search) -> Float64:
    return token_starts(columns.is_start(search.sources), _rules(search))


def _tables(columns: Columns, search: Search, starts: Float64, hops: int, shortlists: bool) -> PathTables:
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


def _passable(columns: Columns, search: Search) -> np.ndarray:
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


def _staged(columns: Columns, search: Search) -> dict[str, Any]:
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


def _keep(runner: QueryRunner, where: dict[str, Any], tables: PathTables, input_sums: Float64) -> bool:
    """Whether they could be kept: a user who may only read asks again with the tables in hand."""
    try:
        for rows in batches(table_rows.shortlist_rows(tables, input_sums), table_rows.SHORTLIST_BATCH_SIZE):
            runner.run(statements.CACHE_SHORTLISTS, {**where, "rows": rows}, write=True)
        parameters = {**where, "rows": table_rows.bound_rows(tables.best), "max_cached": MAX_CACHED_BOUNDS}
        return bool(runner.run(statements.CACHE_BOUNDS, parameters, write=True).rows[0]["cached"])
    except AtlasError:
        return False


def _in_blocks(best: Float64) -> list[list[list[float]]]:
    return [table_rows.in_blocks(level) for level in best]
