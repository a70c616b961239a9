"""Stores the files of one ingest, of which none replaces the graph of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphExistsError
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.ingest.names import doubled_name
from circuit_atlas.ingest.options import ReadOptions
from circuit_atlas.ingest.read import read_graph
from circuit_atlas.ingest.results import IngestResult


class FilesOfOneIngest:
    """Stores files one by one, in several threads if need be.

    Args:
        database: the database.
        name: the name of the graph, for one file only.
        replace: whether to replace existing graphs whose content differs.
        tags: tags to add to the graphs.
        options: how files are read.
    """

    def __init__(
        self, database: Database, name: str | None, replace: bool, tags: Sequence[str], options: ReadOptions
    ) -> None:
        self.name, self.replace, self.tags, self.options = name, replace, tags, options
        self._database = database
        self._locks: dict[str, Lock] = {}
        self._stored: set[str] = set()

    def store(self, path: Path) -> IngestResult:
        """Store a file; see `Atlas.ingest`.

        Raises:
            GraphExistsError: as there; also if another of the files has a graph of that name with different content.
        """
        data = read_graph(path, **self.options)
        self._database.make_store()
        name = data.metadata.slug if self.name is None else self.name
        # Graphs of one name are stored one after the other: each sees whether another file was first.
        with self._locks.setdefault(name, Lock()), self._database.writing():
            replace = self.replace and name not in self._stored
            try:
                result = load_graph(self._database, data, name=name, replace=replace, tags=self.tags)
            except GraphExistsError as error:
                raise (doubled_name(name) if name in self._stored else error) from None
            self.add(name)
        return result

    def add(self, name: str) -> None:
        """Note that a graph of this name belongs to the ingest."""
        self._stored.add(name)
