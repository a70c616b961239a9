"""A database that stays within reach: a local server is started, and started again; another one is asked again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

from neo4j import Driver
from neo4j.exceptions import ServiceUnavailable

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.config import Connection
from circuit_atlas.database import Database, StatementResult, Tracer, translated_errors
from circuit_atlas.errors import DatabaseError, DatabaseStoppedError, InvalidArgumentError, ServerUnavailableError
from circuit_atlas.schema.apply import SCHEMA_VERSION, check_schema
from circuit_atlas.store.rehearsal import rehearse

if TYPE_CHECKING:
    from tenacity import Retrying

    from circuit_atlas.server import LocalServer

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 4  # to ask another server
_PAUSE = 1.0  # seconds before the second of them, and twice as long before each further one
_PATIENCE = 20.0  # seconds after which there is no further one


@checks_arguments
class ReconnectingDatabase(Database):
    """A database whose connection outlives its server.

    Args:
        connection: address and credentials of the server; None for a local store that does not exist yet.
        server: the local server, if it is one.
        timeout: see `Database`.
        tracer: see `Database`.
        progress: see `Database`.

    Raises:
        SchemaVersionError: the store belongs to a newer circuit-atlas. Other errors are those of `Database`, and of the
            local server when it is started.
    """

    def __init__(
        self,
        connection: Connection | None,
        server: LocalServer | None,
        *,
        timeout: float,
        tracer: Tracer | None,
        progress: bool,
    ) -> None:
        self._server = server
        self._connecting = RLock()
        super().__init__(connection, timeout=timeout, tracer=tracer, progress=progress)

    def make_store(self) -> None:
        """Make the local store, if it does not exist, and start its server."""
        if self._server is None:
            return
        with self._connecting:  # several threads may ask
            if self._driver is None and not self._is_closed:
                was_running = self._server.connection() is not None
                connection = self._server.start(quiet=not self.progress)
                self._connect(connection)
                if not was_running and self._server.writes_classes:
                    rehearse(connection)  # the archive keeps what the server has done, and later servers do it faster

    @property
    def _has_store(self) -> bool:
        """Whether there may be stored graphs. A local store is made by the first ingest."""
        return self._server is None or self._server.store.exists

    def _open_driver(self) -> Driver:
        """See `Database._open_driver`. A store that another process has just made is opened."""
        if self._driver is None and self._server is not None and not self._is_closed:
            self._server.check_store()
            self.make_store()
        return super()._open_driver()

    def _connect(self, connection: Connection) -> None:
        """Connect, and upgrade the store of an earlier circuit-atlas. A local server whose database has stopped, after
        a full disk for instance, is restarted."""
        try:
            self._open(connection)
        except DatabaseStoppedError:
            if self._server is None:
                raise
            self._server.stop()
            self._open(self._server.start(quiet=not self.progress))

    def _open(self, connection: Connection) -> None:
        try:
            super()._connect(connection)
            with translated_errors(connection):
                version = check_schema(self)
                if version is not None and version < SCHEMA_VERSION:
                    from circuit_atlas.store.upgrade import upgrade

                    upgrade(self, version)
        except BaseException:
            self.close()
            self._driver, self._is_closed = None, False  # of a local server, the next question tries again
            raise

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
        """Run one statement, as `Database.run`. A local server that has stopped is started again; then a statement that
        reads is repeated, and one that writes is not: nobody knows whether it was run."""
        if self._server is None and not write:
            return self._retrying(super().run, cypher, parameters)
        self._wait_for_checked_data()
        used = self._driver
        try:
            return super().run(cypher, parameters, write=write)
        except ServerUnavailableError:
            if not self._reconnect(used) or write:
                raise
            return super().run(cypher, parameters)

    def _wait_for_checked_data(self) -> None:
        """Wait while another process checks new data of the local store: a server runs on them that is nobody else's.
        Here, and not in the thread that sends a statement, which has a time limit."""
        used = self._driver
        if used is not None and not self._is_closed and self._server is not None and self._server.is_on_new_data():
            self._reconnect(used)

    def _check_data(self) -> None:
        """See `Database._check_data`. The driver waits for a server that was stopped. At the same address, it may find
        one that runs on new data, which another process still checks."""
        if self._server is not None and self._server.is_on_new_data():
            raise ServiceUnavailable("another process checks new data")

    @cached_property
    def _retrying(self) -> Retrying:
        """Runs a statement that reads on another server, a few times if necessary: a member of a cluster may have
        stopped, or be taking over."""
        from tenacity import (
            Retrying,
            before_sleep_log,
            retry_if_exception_type,
            stop_after_attempt,
            stop_after_delay,
            wait_exponential,
        )

        return Retrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_PATIENCE),
            wait=wait_exponential(multiplier=_PAUSE),
            retry=retry_if_exception_type((ServerUnavailableError, DatabaseStoppedError)),
            before_sleep=before_sleep_log(_LOG, logging.INFO),
            reraise=True,
        )

    def _reconnect(self, used: Driver | None) -> bool:
        """Start the local server if it has stopped, and connect to it, if it is not the one of this connection.

        Args:
            used: the driver that found no server. If there is another one by now, another thread has connected.

        Returns:
            Whether there is another connection than that of `used` now.
        """
        if self._server is None:
            return False
        with self._connecting:
            if self._driver is not used:
                return self._driver is not None
            if self._server.connection() == self._connection:
                return False
            _LOG.warning("The local server had stopped, or its data are being rebuilt; connecting again.")
            try:
                self._connect(self._server.start(quiet=not self.progress))
            finally:
                if used is not None:
                    used.close()
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A block that writes. If the local server has stopped, it is started again first.

        Raises:
            ServerUnavailableError, AuthenticationError, QueryTimeoutError, CypherError: the driver raised such an error
                in the block.
            DatabaseError: the driver raised another error, the disk of the local store is full, or this is closed.
            LocalServerError: the local server cannot be started.
        """
        self._open_driver()
        if self._server is not None and self._server.connection() is None:
            self._reconnect(self._driver)
        try:
            with super().writing():
                yield
        except DatabaseError as error:
            if self._server is None or not self._server.store.is_full:
                raise
            raise DatabaseError(
                "the disk is full",
                where=str(self._server.store.path),
                fix="Free some space and repeat the command: what was stored before is still there.",
            ) from error

    def local_server(self, what: str, instead: str) -> LocalServer:
        """The local server, for what only a local store can do.

        Args:
            what: what is to be done, for the error.
            instead: what to do with another server.

        Raises:
            InvalidArgumentError: the database is not a local store.
        """
        if self._server is None:
            raise InvalidArgumentError(
                f"only a local store can {what}",
                fix=f"With NEO4J_URI, {instead}; `circuit-atlas export --import-files FOLDER` writes files for a "
                "server's own importer.",
            )
        self._server.check_store()
        return self._server

    @contextmanager
    def reopened(self) -> Iterator[None]:
        """Connects again after a block that restarts the local server."""
        try:
            yield
        finally:
            self.close()
            assert self._server is not None
            self._connect(self._server.start(quiet=not self.progress))
