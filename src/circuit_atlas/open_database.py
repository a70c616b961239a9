"""A database, opened: any Neo4j by its address, or the local one of a store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from neo4j import Driver

from circuit_atlas.config import Connection, store_path
from circuit_atlas.database import connect, translated_errors
from circuit_atlas.errors import DatabaseError, DatabaseStoppedError
from circuit_atlas.queries.runner import QueryRunner, Tracer
from circuit_atlas.schema.apply import SCHEMA_VERSION, check_schema
from circuit_atlas.schema.keys import COLLAPSED
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from circuit_atlas.server import LocalServer

PathLike = str | os.PathLike[str]


class OpenDatabase:
    """A connection that stays open until it is closed; see `Atlas`."""

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        store: PathLike | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        tracer: Tracer | None = None,
        progress: bool = False,
    ) -> None:
        self._server: LocalServer | None = None
        self._progress, self._timeout, self._tracer = progress, timeout, tracer
        connection = connection or (None if store else Connection.from_environment())
        if connection is None:
            from circuit_atlas.server import LocalServer

            self._server = LocalServer(store_path(store))
        self._open(connection)

    def _open(self, connection: Connection | None = None) -> None:
        """Connect to a server, or to the local one, which is started when it does not run, or its database does not."""
        if connection is not None:
            self._connect(connection)
            return
        assert self._server is not None
        try:
            self._connect(self._server.start(quiet=not self._progress))
        except DatabaseStoppedError:
            self._server.stop()
            self._connect(self._server.start(quiet=not self._progress))

    def _connect(self, connection: Connection) -> None:
        self._connection, self._database = connection, connection.database
        self._driver = connect(connection)
        try:
            with translated_errors(connection):
                version = check_schema(self._driver, self._database)
            self._runner = QueryRunner(self._driver, self._database, timeout=self._timeout, tracer=self._tracer)
            if version is not None and version < SCHEMA_VERSION:
                from circuit_atlas.store.upgrade import upgrade

                with translated_errors(connection):
                    upgrade(self._driver, self._database, self._runner, version, progress=self._progress)
        except BaseException:
            self.close()
            raise

    def _refresh(self, *names: str) -> None:
        """Store anew what is asked of graphs collapsed by supernodes that have changed since."""
        for name in names:
            if name.endswith(COLLAPSED):
                from circuit_atlas.supernodes import store_collapsed

                store_collapsed(self._runner, name.removesuffix(COLLAPSED))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of the driver in our words; of a local store also that its disk is full."""
        try:
            with translated_errors():
                yield
        except DatabaseError as error:
            if self._server is None or not self._server.store.is_full:
                raise
            raise DatabaseError(
                "the disk is full",
                where=str(self._server.store.path),
                fix="Make room and give the same command again: what was stored before is still there.",
            ) from error

    @property
    def driver(self) -> Driver:
        """The open Neo4j driver, for what this class does not offer."""
        return self._driver

    def close(self) -> None:
        """Close the connection. A local server runs on."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
