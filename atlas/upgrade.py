"""Brings stores of earlier versions up to this one, when they are opened."""

from __future__ import annotations

from circuit_atlas.ingest.path_tables import path_table_rows, path_table_steps
from circuit_atlas.ingest.writer import Writer
from circuit_atlas.queries.columns import read_columns
from circuit_atlas.queries.graph_questions import find_graph, list_graphs
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.apply import create_constraints, note_version
from neo4j import Driver
from tqdm import tqdm

_DROP = "DROP CONSTRAINT path_bounds IF EXISTS"
_OLD_BOUNDS = "MATCH (b:PathBounds) WHERE b.block IS NULL WITH b LIMIT 1000 DELETE b RETURN count(*) AS deleted"


def upgrade(driver: Driver, database: str | None, runner: QueryRunner, *, progress: bool) -> None:
    """From version 1: bounds of paths are stored in blocks, with shortlists and counts. Can be interrupted and
    repeated; until it is through, the store is of version 1.

    Args:
        driver: an open driver.
        database: its database, None for the default one.
        runner: of that database.
        progress: whether to draw a bar on standard error.
    """
    writer = Writer(driver, database)
    driver.execute_query(_DROP, database_=database)
    while writer.run(_OLD_BOUNDS)[0]["deleted"]:
        pass
    create_constraints(driver, database)
    graphs = [summary.graph for summary in list_graphs(runner).graphs]
    for graph in tqdm(graphs, "upgrading the store", unit=" graphs", disable=None if progress else True):
        columns = read_columns(runner, find_graph(runner, graph)["graph"])
        rows = path_table_rows(
            columns.edges, is_token=columns.is_start(None), order=columns.order, input_sum=columns.input_sum
        )
        for statement, parameters in path_table_steps(graph, rows):
            writer.run(statement, **parameters)
    note_version(driver, database)
