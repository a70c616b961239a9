"""The connection to Neo4j: opened once, checked at once, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import neo4j
from neo4j import Driver, GraphDatabase
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from circuit_atlas.config import Connection
from circuit_atlas.errors import (
    AuthenticationError,
    CypherError,
    DatabaseError,
    DatabaseStoppedError,
    QueryTimeoutError,
    ServerUnavailableError,
    UnsupportedServerError,
)

OLDEST_SERVER = (2025, 6)  # the first release with Cypher 25
_TIMEOUT_CODES = (
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    "Neo.TransientError.Transaction.TransactionTimedOut",
)
_STOPPED_CODES = (
    "Neo.TransientError.General.DatabaseUnavailable",
    "Neo.DatabaseError.Transaction.TransactionCommitFailed",
)


def connect(connection: Connection, *, patience: float = 15.0) -> Driver:
    """Open a driver and make sure that the server answers, lets us in and knows Cypher 25.

    Args:
        connection: address and credentials.
        patience: seconds to wait for a connection, and to repeat a transaction the server refused for now.

    Raises:
        ServerUnavailableError: nothing answers there.
        AuthenticationError: user name or password are wrong.
        UnsupportedServerError: the server is older than 2025.06.
    """
    with translated_errors(connection):
        driver = GraphDatabase.driver(
            connection.uri,
            auth=(connection.username, connection.password),
            connection_timeout=patience,
            connection_acquisition_timeout=4 * patience,  # a server that was just restarted lets nobody in for a while
            max_transaction_retry_time=patience,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        )
    try:
        with translated_errors(connection):
            version = driver.get_server_info().agent.partition("/")[2]
            check_version(version, connection.uri)
    except BaseException:
        driver.close()
        raise
    return driver


def check_version(version: str, uri: str) -> None:
    """Refuse servers older than `OLDEST_SERVER`. `version` reads 2026.07.1, or 5.26.0.

    Raises:
        UnsupportedServerError: the server does not know Cypher 25.
    """
    numbers = [
        int(part)
        for part in version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split(".")[:2]
        if part.isdigit()
    ]
    if len(numbers) == 2 and tuple(numbers) < OLDEST_SERVER:
        raise UnsupportedServerError(
            f"Neo4j {version} is too old: circuit-atlas needs Cypher 25",
            where=uri,
            fix="Use Neo4j 2025.06 or newer, Aura, or unset NEO4J_URI for the local server.",
        )


@contextmanager
def translated_errors(connection: Connection | None = None) -> Iterator[None]:
    """Turn the driver's errors into ours. Errors of our own pass through.

    Raises:
        AuthenticationError, ServerUnavailableError, QueryTimeoutError, CypherError, DatabaseError
    """
    where = connection.uri if connection else None
    try:
        yield
    except AuthError as error:
        raise AuthenticationError(
            f"the server refused the user name or password: {error.message}",
            where=where,
            fix="Check NEO4J_USERNAME and NEO4J_PASSWORD.",
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise ServerUnavailableError(
            f"no Neo4j server answers: {error}",
            where=where,
            fix="Check NEO4J_URI and that the server runs (`circuit-atlas server status`, `circuit-atlas doctor`).",
        ) from error
    except (ConfigurationError, ValueError) as error:
        raise DatabaseError(f"not a usable address: {error}", where=where, fix="Check NEO4J_URI.") from error
    except Neo4jError as error:
        raise _in_our_words(error, where) from error
    except DriverError as error:
        raise DatabaseError(f"the driver gave up: {error}", where=where) from error


def _in_our_words(error: Neo4jError, where: str | None) -> Exception:
    code = error.code or ""
    if code in _TIMEOUT_CODES:
        return QueryTimeoutError(
            "the server stopped the query at its time limit",
            fix="Raise the limit with --timeout SECONDS, or ask for less (--max-hops, --k).",
        )
    if code in _STOPPED_CODES or "needs to be restarted" in (error.message or ""):
        return DatabaseStoppedError(
            f"the database has stopped: {error.message}",
            where=where,
            fix="See the server's log; start the server again.",
        )
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return DatabaseError(str(error.message), where=where, fix="Check NEO4J_DATABASE.")
    if isinstance(error, ClientError):
        return CypherError(f"the server refused the query: {error.message}")
    if isinstance(error, TransientError):
        fix = "Give the server more memory (`circuit-atlas server start --heap SIZE`)." if "Memory" in code else None
        return DatabaseError(f"the server could not do it now: {error.message}", where=where, fix=fix)
    return DatabaseError(f"the server failed: {error.message}", where=where, fix="See the server's log.")


__all__ = ["Driver", "check_version", "connect", "neo4j", "translated_errors"]
