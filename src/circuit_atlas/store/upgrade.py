"""Brings stores of earlier versions up to this one, when they are opened."""

from __future__ import annotations

from neo4j import Driver
from tqdm import tqdm

from circuit_atlas.ingest.labels import FILE_LABELS
from circuit_atlas.ingest.path_tables import path_table_rows, path_table_steps
from circuit_atlas.ingest.steps import label_steps
from circuit_atlas.ingest.writer import Writer
from circuit_atlas.queries.columns import read_columns
from circuit_atlas.queries.graphs import find_graph, list_graphs
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.apply import create_constraints, store_version

_DROP = "DROP CONSTRAINT path_bounds IF EXISTS"
_OLD_BOUNDS = "MATCH (b:PathBounds) WHERE b.block IS NULL WITH b LIMIT 1000 DELETE b RETURN count(*) AS deleted"
_SUPERNODES = "MATCH (s:Supernode) WHERE s.source IS NULL SET s.source = 'file'"


def upgrade(driver: Driver, database: str | None, runner: QueryRunner, version: int, *, progress: bool) -> None:
    """From version 1: bounds of paths are stored in blocks, with shortlists and counts. From version 2: labels in graph
    files are explanations of transcoder features. Can be interrupted and repeated; until it is through, the store is of
    the version that it was.

    Args:
        driver: an open driver.
        database: its database, None for the default one.
        runner: of that database.
        version: of the store.
        progress: whether to draw a bar on standard error.
    """
    writer = Writer(driver, database)
    driver.execute_query(_DROP, database_=database)
    while writer.run(_OLD_BOUNDS)[0]["deleted"]:
        pass
    create_constraints(driver, database)
    writer.run(_SUPERNODES)
    graphs = list_graphs(runner).graphs
    for graph in tqdm(graphs, "upgrading the store", unit=" graphs", disable=None if progress else True):
        if version < 2:
            _store_path_tables(writer, runner, graph.graph)
        for statement, parameters in label_steps(FILE_LABELS, graph.graph, graph.nodes):
            writer.run(statement, **parameters)
    store_version(driver, database)


def _store_path_tables(writer: Writer, runner: QueryRunner, graph: str) -> None:
    columns = read_columns(runner, find_graph(runner, graph)["graph"])
    rows = path_table_rows(
        columns.edges, is_token=columns.is_start(None), order=columns.order, input_sum=columns.input_sum
    )
    for statement, parameters in path_table_steps(graph, rows):
        writer.run(statement, **parameters)
