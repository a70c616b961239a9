"""Makes the columns of edges of graphs that an earlier version stored, or whose columns are damaged."""

from __future__ import annotations

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import DamagedGraphError, GraphNotFoundError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.graphs import find_graph, list_graphs
from circuit_atlas.queries.one_answer import as_one


def make_columns(database: Database) -> None:
    """Make the columns of edges that are missing or cannot be used, of all graphs. It reads the columns of every graph.

    Questions make the columns that they need by themselves. This makes them before anybody waits for them.

    Raises:
        DamagedGraphError: the relationships of a graph can't be those that were ingested. The columns of all other
            graphs were made.
    """
    names = [graph.graph for graph in list_graphs(database).graphs]
    damaged: list[DamagedGraphError] = []
    for name in tqdm(names, "columns", unit=" graphs", disable=None if database.progress else True):
        try:
            as_one(database, _make, database, name)
        except GraphNotFoundError:  # it was deleted just now
            continue
        except DamagedGraphError as error:
            damaged.append(error)
    if len(damaged) == 1:
        raise damaged[0]
    if damaged:
        shown = first_of([str(error.where) for error in damaged], 5)
        raise DamagedGraphError(f"{len(damaged)} graphs are damaged: {shown}", fix=damaged[0].fix)


def _make(database: Database, name: str) -> None:
    from circuit_atlas.queries.stored_edges import read_edges

    read_edges(find_graph(database, name))
