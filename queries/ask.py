"""Asks a query of the catalogue, or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

from circuit_atlas.database import Database, Rows
from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.queries.edge_value import EdgeValue
from circuit_atlas.threads import map_in_threads

_WORKERS = 4  # questions
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def ask(
    database: Database,
    query_id: str,
    *,
    edge_value: EdgeValue | None = None,
    **parameters: Any,
) -> Rows:
    """Rows of a query of the catalogue.

    Args:
        database: the database.
        query_id: for instance `paths.top_k`.
        edge_value: what to score instead of the weight of an edge.
        parameters: of the query; those that are left out have their defaults.

    Raises:
        QueryNotFoundError: no query has that id.
        InvalidArgumentError: a parameter is missing, unknown or of the wrong type.
        QueryTimeoutError: the server stopped it at the time limit.
    """
    query = find_query(query_id)
    return database.run(query.cypher(edge_value), query.complete(parameters)).rows


def ask_together(
    database: Database, work: Callable[[Item], Answer], items: Sequence[Item], *, unit: str, title: str | None = None
) -> list[Answer]:
    """The results of `work`, which asks the database, for each item, in order. Four are asked at a time.

    Args:
        database: the database.
        work: called in a thread with one item.
        items: the items.
        unit: what the items are, for the progress bar.
        title: what the progress bar is of.
    """
    silent = None if database.progress else True
    with interruptible(database):
        asked = map_in_threads(lambda item: (item[0], work(item[1])), enumerate(items), _WORKERS)
        found = dict(tqdm(asked, title, len(items), unit=f" {unit}", disable=silent))
    return [found[place] for place in range(len(items))]


@contextmanager
def interruptible(database: Database) -> Iterator[None]:
    """An interrupt (Ctrl-C) in this block also ends the statements that other threads wait for: it reaches the main
    thread only."""
    try:
        yield
    except KeyboardInterrupt:
        database.interrupt()
        raise
