"""Verifies stored graphs against what was ingested, or against files."""

from __future__ import annotations

import os
from shlex import quote
from typing import Unpack

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphChangedError, GraphNotFoundError, InvalidArgumentError
from circuit_atlas.ingest.options import ReadOptions
from circuit_atlas.queries.graphs import GraphReference, list_graphs
from circuit_atlas.store.results import Verification, Verifications


def verify(
    database: Database,
    name: str | None = None,
    source: str | os.PathLike[str] | None = None,
    *,
    repair: bool = False,
    **options: Unpack[ReadOptions],
) -> Verifications:
    """Read whole graphs back, compare counts and all content with what was ingested, or with a file, and compute again
    what is computed from them: influence, names, scores, path tables, columns of edges.

    Args:
        database: the database.
        name: a graph; all graphs when None.
        source: the file that the graph should equal.
        repair: whether to store again what is computed, where it is wrong and the content is right.
        options: the options with which the file was ingested, see `circuit_atlas.ingest.options.ReadOptions`.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        InputError: the file cannot be read.
        InvalidArgumentError: a file is given without a graph, or options without a file.
    """
    from circuit_atlas.ingest import read_graph
    from circuit_atlas.store.compare_content import verify_graph
    from circuit_atlas.store.derived import renew, stray_nodes

    if name is None and source is not None:
        raise InvalidArgumentError("a file is given, but no graph to compare it with", fix="Name the graph.")
    given = [option for option, value in options.items() if value is not None]
    if given and source is None:
        raise InvalidArgumentError(
            f"no file is given that could be read with {', '.join(given)}",
            fix="Name the file that the graph should equal, or leave the options out.",
        )
    data = read_graph(source, **options) if source is not None else None
    notes: list[str] = []
    names = [] if name is None else [name]
    if name is None:
        stored = list_graphs(database)
        names, notes = [summary.graph for summary in stored.graphs], stored.notes
    bar = tqdm(names, "verifying", unit=" graphs", disable=None if database.progress and len(names) > 1 else True)
    strays = stray_nodes(database)
    found = []
    for graph in bar:
        try:
            reference = GraphReference(database, graph)
            found.append(verify_graph(reference, data, str(source or ""), strays=strays, repair=repair))
            if found[-1].repaired:
                renew(database, graph)
        except (GraphNotFoundError, GraphChangedError):  # meanwhile, if all are meant: the others still count
            if name is not None:
                raise
            notes.append(f"{graph} was deleted or replaced before it was verified.")
    damaged = sum(bool(graph.problems) for graph in found)
    notes += [note for graph in found for note in _advice(graph, repair=repair)]
    return Verifications(graphs=found, damaged=damaged, notes=notes)


def _advice(found: Verification, *, repair: bool) -> list[str]:
    """Advice on the problems of a graph."""
    if not found.problems or found.compared_with != "ingest":
        return []
    graph = quote(found.graph)
    if found.content_hash != found.expected_hash:
        return [
            f"What was ingested of {found.graph} was changed in the database. Run `circuit-atlas delete {graph}`, and "
            "ingest its file again: `ingest --replace` would change nothing, since the file is the same."
        ]
    return [] if repair else [f"`circuit-atlas verify {graph} --repair` stores again what is computed from a graph."]
