"""One open Neo4j database: every statement that circuit-atlas sends goes through `Database`.

The tracer and the logger `circuit_atlas.database` see every statement except those that ask nothing: at connecting,
in `position`, and to end another one after an interrupt. The driver's errors become ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import uuid4

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    Driver,
    GraphDatabase,
    ManagedTransaction,
    Query,
    Record,
    Result,
    ResultSummary,
    Session,
)
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
    WriteServiceUnavailable,
)
from neo4j.graph import Node, Path, Relationship

from circuit_atlas.config import Connection
from circuit_atlas.cypher_text import pastable, without_comments
from circuit_atlas.errors import (
    AuthenticationError,
    CypherError,
    DatabaseError,
    DatabaseStoppedError,
    InvalidArgumentError,
    QueryTimeoutError,
    ServerUnavailableError,
    UnsupportedServerError,
)
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT, MAX_ROWS
from circuit_atlas.threads import first_done, in_thread

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
_MARK = "circuit-atlas"  # key of a transaction's metadata, by which Ctrl-C finds it on the server
_FIND_TRANSACTION = """
SHOW TRANSACTIONS YIELD transactionId, metaData WHERE metaData[$key] = $mark RETURN transactionId AS id LIMIT 1
"""
_MORE_MEMORY = (
    "Stop a local server, and give it more (`circuit-atlas server start --heap SIZE`). On another, raise "
    "`dbms.memory.transaction.total.max` or `db.memory.transaction.max`."
)
_NO_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
_LAST_WAIT = 2.0  # seconds that the server has to end a statement after its time limit, or after Ctrl-C
_COMMIT_ATTEMPTS = 3
# What CREATE ... IF NOT EXISTS is refused with while another transaction makes the same index or constraint.
_MADE_MEANWHILE = frozenset(
    f"Neo.ClientError.Schema.{rule}AlreadyExists" for rule in ("EquivalentSchemaRule", "Index", "Constraint")
)
_SCALARS = frozenset((str, int, float, bool, bytes, bytearray, type(None)))  # of rows
_PATIENCE = 15.0  # seconds to wait for a connection, and to repeat a read that the server refused for now
RETRY_SECONDS = 60.0  # how long the driver repeats a transaction that the server refused for a passing reason
# The first pause is for a transaction that another one was in the way of. The driver's own factor, 2, would still be
# waiting when a restarted server is back.
_PAUSES = {"initial_retry_delay": 0.2, "retry_delay_multiplier": 1.3}
_LOG = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
Step = tuple[str, dict[str, Any]]  # a statement and its parameters
Tracer = Callable[[str], object]


class StatementResult(NamedTuple):
    """The columns and rows that a statement returned, and the driver's summary."""

    columns: list[str]
    rows: Rows
    summary: ResultSummary


class Database:
    """A Neo4j database, open until it is closed.

    Args:
        connection: address and credentials of its server; None if it is opened later.
        timeout: seconds after which the server stops a statement that reads.
        tracer: called with the text of every statement and its parameters, as they can be pasted into Neo4j Browser;
            long lists in batched writes are shortened.
        progress: whether long steps draw bars on standard error.

    Raises:
        DatabaseError: the server cannot be reached, refuses the password, or is too old.
        InvalidArgumentError: the timeout is not more than 0 and at most 86,400 seconds.
    """

    def __init__(
        self,
        connection: Connection | None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        tracer: Tracer | None = None,
        progress: bool = False,
    ) -> None:
        if not 0 < timeout <= 86_400:
            raise InvalidArgumentError(
                f"timeout cannot be {timeout}", fix="It must be more than 0 and at most 86,400 seconds."
            )
        self.progress, self._timeout, self._tracer = progress, timeout, tracer
        self._driver: Driver | None = None
        self._is_closed = False
        self._position: frozenset[str] = frozenset()  # where the log ended when it was last looked at
        self._looking = Lock()
        self.sent = 0  # how many statements that read were sent
        self._numbers = count(1)
        self._running: dict[str, Future[Any]] = {}  # statements that are not done, by their marks
        self._threads: set[Future[Any]] = set()  # what uses the driver in a thread and is not done
        if connection is not None:
            self._connect(connection)

    def _connect(self, connection: Connection) -> None:
        driver = connect(connection)
        self._connection, self._driver, self._is_closed = connection, driver, False

    @property
    def driver(self) -> Driver:
        """The open Neo4j driver, for what this class does not offer."""
        return self._open_driver()

    def _open_driver(self) -> Driver:
        """The driver of the present connection.

        Raises:
            DatabaseError: there is none.
        """
        if self._driver is None or self._is_closed:
            raise DatabaseError("the connection is closed", fix="Open another one: `with Atlas() as atlas:`.")
        return self._driver

    @property
    def is_connected(self) -> bool:
        """Whether it has been connected to a server. To a local store that does not exist yet, it has not."""
        return self._driver is not None

    @property
    def name(self) -> str | None:
        """The name of the database on its server; None for the user's home database."""
        return self._connection.database

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> StatementResult:
        """Run one statement, read-only unless `write`: its columns, rows (at most 100,000) and summary.

        Raises:
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit, or did not and was left alone with it.
        """
        parameters, self.sent = parameters or {}, next(self._numbers)
        self._trace(cypher, parameters, shorten=False)
        mark = uuid4().hex
        # In a thread of its own: an interrupt (Ctrl-C) inside the driver would leave its connection broken, and Neo4j
        # looks at the clock only between the rows of a statement, so it can go on for hours inside one expression.
        answer: Future[Any] = Future()
        self._running[mark] = answer
        try:
            self.in_thread(lambda: self._run(cypher, parameters, write, mark), answer)
            first_done([answer], self._timeout + _LAST_WAIT)
        except KeyboardInterrupt:
            self._interrupt(answer, mark)
            raise
        finally:
            del self._running[mark]
        if not answer.done():
            raise QueryTimeoutError(
                "the server did not stop the query at the time limit; the query still runs there",
                fix="It may use a processor until then. `circuit-atlas server stop` ends a local server with it.",
            )
        columns, records, summary = answer.result()
        return StatementResult(columns, [_row(record) for record in records], summary)

    def interrupt(self) -> None:
        """End the statements that other threads are waiting for. An interrupt (Ctrl-C) reaches the main thread only."""
        for mark, answer in list(self._running.items()):
            self._interrupt(answer, mark)

    def in_thread(self, work: Callable[[], Any], future: Future[Any] | None = None) -> None:
        """Start work that uses the driver in a thread of its own; `close` waits for it."""
        future = Future() if future is None else future
        self._threads.add(future)
        future.add_done_callback(self._threads.discard)
        in_thread(work, future)

    def _interrupt(self, answer: Future[Any], mark: str) -> None:
        """End a statement on the server, where it would run on to its time limit; after a moment, leave it there."""

        def stop() -> None:
            while not any(self._stop(mark, mode) for mode in (READ_ACCESS, WRITE_ACCESS)) and not answer.done():
                first_done([answer], 0.1)

        self.in_thread(stop)
        first_done([answer], _LAST_WAIT)
        if not answer.done():
            _LOG.warning("The server did not stop the query; the query still runs there.")

    def _run(
        self, cypher: str, parameters: dict[str, Any], write: bool, mark: str
    ) -> tuple[list[str], list[Record], ResultSummary]:
        mode = WRITE_ACCESS if write else READ_ACCESS
        query = Query(cypher, timeout=self._timeout, metadata={_MARK: mark})
        start = perf_counter()
        with translated_errors(), self._session(default_access_mode=mode) as session:
            result = _sent(session, query, parameters)
            records = result.fetch(MAX_ROWS)
            found = list(result.keys()), records, result.consume()
        _log(cypher, len(records), start)
        return found

    def position(self) -> frozenset[str]:
        """Where the database's log of transactions ends. As long as nothing is written, it stays the same.

        On a cluster, the leader is asked: other members may not have all transactions yet. What is read afterwards is
        at this position or after it.
        """
        self._wait_for_checked_data()
        driver = self._open_driver()
        with self._looking:
            # A separate session has bookmarks of this database only, which can be compared.
            with translated_errors(), driver.session(database=self.name) as session:
                session.run("RETURN 1").consume()
                position = session.last_bookmarks().raw_values
            # The other sessions wait until the server has applied what it has committed.
            driver.execute_query_bookmark_manager.update_bookmarks(self._position, position)
            self._position = position
            return position

    @property
    def is_single(self) -> bool:
        """Whether the address is that of one server. Through `neo4j://`, members of a cluster answer, which differ."""
        return self._connection.uri.startswith("bolt")

    def read(self, cypher: str, **parameters: Any) -> Rows:
        """All rows of one of our own statements that reads a store whole: without a limit of rows or of time."""
        self._wait_for_checked_data()
        self.sent = next(self._numbers)
        self._trace(cypher, parameters, shorten=False)

        def work(transaction: ManagedTransaction) -> Rows:
            self._check_data()
            return [_row(record) for record in _sent(transaction, cypher, parameters)]

        start = perf_counter()
        with translated_errors(), self._session() as session:
            rows = session.execute_read(work)
        _log(cypher, len(rows), start)
        return rows

    def _stop(self, mark: str, mode: str) -> bool:
        """Ask a server to end a statement. Returns whether that server knew it. Each member of a cluster knows only its
        own statements; `mode` chooses the member to ask."""
        with self._session(default_access_mode=mode) as session:
            found = session.run(_FIND_TRANSACTION, {"key": _MARK, "mark": mark}).single()
            if found:
                session.run("TERMINATE TRANSACTION $id", {"id": found["id"]}).consume()
        return found is not None

    def plan(self, cypher: str, parameters: dict[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a statement as Neo4j draws it; with `profile` the statement is run, read-only, and measured.

        Raises:
            CypherError: the server refused the statement.
        """
        text = without_comments(cypher).strip().removeprefix("CYPHER 25")
        summary = self.run(f"CYPHER 25 {'PROFILE' if profile else 'EXPLAIN'} {text}", parameters).summary
        plan = (summary.profile if profile else summary.plan) or {}
        return str(plan.get("args", {}).get("string-representation", ""))

    def write(self, *statements: str, **parameters: Any) -> Rows:
        """Run statements that can be repeated in one transaction; the rows of the last one.

        The driver repeats a transaction that the server refused for a passing reason, or that a restart of the server
        or a lost connection cut off, with growing pauses for a minute. It does not repeat a commit whose answer was
        lost, so that is done here. Errors are the driver's; `writing` translates them.
        """
        steps = [(text, parameters) for text in statements]
        # The first attempt may still be committing, so the second can collide with what it makes.
        return self._repeated(steps, lambda _: None, (IncompleteCommit, ConstraintError))

    def write_together(
        self,
        steps: Iterable[Step],
        check: Callable[[Rows], None],
        *,
        repeatable: bool = False,
        patience: float = RETRY_SECONDS,
    ) -> None:
        """Run statements, each with its parameters, in one transaction, which is committed if `check` accepts the
        rows of the last one. A commit whose answer was lost is repeated only if all of it is `repeatable`; what the
        server refuses for now is repeated for `patience` seconds."""
        if repeatable:
            self._repeated(list(steps), check, (IncompleteCommit,), patience)
        else:
            self._write(list(steps), check, patience)

    def _repeated(
        self,
        steps: list[Step],
        check: Callable[[Rows], None],
        unknown: tuple[type[Exception], ...],
        patience: float = RETRY_SECONDS,
    ) -> Rows:
        """Run a transaction again after errors that leave its outcome unknown, or that will not come twice."""
        errors: tuple[type[Exception], ...] = (*unknown, ClientError)
        for attempt in range(_COMMIT_ATTEMPTS):
            try:
                return self._write(steps, check, patience)
            except errors as error:
                is_passing = isinstance(error, unknown) or getattr(error, "code", None) in _MADE_MEANWHILE
                if attempt == _COMMIT_ATTEMPTS - 1 or not is_passing:
                    raise
                _LOG.info("repeating a write: %s", error)
        raise AssertionError("unreachable")

    def write_each(self, steps: Iterable[Step]) -> None:
        """Run statements that can be repeated, each with its parameters in a transaction of its own; see `write`."""
        for statement, parameters in steps:
            self.write(statement, **parameters)

    def _write(self, steps: list[Step], check: Callable[[Rows], None], patience: float) -> Rows:
        for text, parameters in steps:
            self._trace(text, parameters, shorten=True)
        attempts = 0

        def work(transaction: ManagedTransaction) -> Rows:
            nonlocal attempts
            self._check_data()
            attempts += 1
            if attempts > 1:
                _LOG.info("repeating a write (attempt %d): %s", attempts, _first_line(steps[0][0]))
            rows: Rows = []
            for text, parameters in steps:
                start = perf_counter()
                rows = [_row(record) for record in _sent(transaction, text, parameters)]
                _log(text, len(rows), start)
            check(rows)
            return rows

        begin = perf_counter()
        with self._session(max_transaction_retry_time=patience, **_PAUSES) as session:
            rows = session.execute_write(work)
        _LOG.debug("committed in %.1f ms", 1000 * (perf_counter() - begin))
        return rows

    def _wait_for_checked_data(self) -> None:
        """Wait while nobody else may use the data: never, on a server."""

    def _check_data(self) -> None:
        """If nobody else may use the data, raise an error that makes the driver repeat a transaction. On a server,
        everybody may."""

    def make_store(self) -> None:
        """Make what stores graphs, if it does not exist: nothing, for a server."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turns the driver's errors in a block that writes into ours."""
        with translated_errors():
            yield

    def _session(self, **options: Any) -> Session:
        """A session whose reads see what this driver wrote before, on a cluster too."""
        driver = self._open_driver()
        return driver.session(database=self.name, bookmark_manager=driver.execute_query_bookmark_manager, **options)

    def _trace(self, cypher: str, parameters: dict[str, Any], *, shorten: bool) -> None:
        if self._tracer:
            self._tracer(pastable(cypher, parameters, shorten=shorten))

    def close(self) -> None:
        """Close the connection. A local server keeps running.

        A statement that an interrupt or the time limit left to the server keeps its connection until it ends.
        """
        self._is_closed = True
        if self._driver is None:
            return
        left = [future for future in list(self._threads) if not future.done()]
        if left:
            in_thread(partial(_close_after, left, self._driver))
        else:
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            # An interrupt may have left the driver in any state, and is what the caller has to hear of.
            if error is None:
                raise


def _close_after(futures: list[Future[Any]], driver: Driver) -> None:
    """Close the driver once nothing uses it: two threads must not use one connection."""
    wait(futures)
    driver.close()


def _row(record: Record) -> dict[str, Any]:
    """A row as plain data: as `Record.data`, which would take a value of bytes apart, byte by byte."""
    return {name: _plain(value) for name, value in zip(record.keys(), record.values(), strict=True)}


def _plain(value: Any) -> Any:
    if type(value) in _SCALARS:  # there may be millions of them
        return value
    match value:
        case dict():
            return {name: item if type(item) in _SCALARS else _plain(item) for name, item in value.items()}
        case list():
            if _SCALARS.issuperset(map(type, value)):
                return value
            return [item if type(item) in _SCALARS else _plain(item) for item in value]
        case Node():
            return _plain(dict(value))
        case Relationship(start_node=start, type=kind, end_node=end):
            return _plain(start), kind, _plain(end)
        case Path(nodes=nodes, relationships=relationships):
            steps = [[effect.type, _plain(node)] for effect, node in zip(relationships, nodes[1:], strict=True)]
            return [_plain(nodes[0]), *(part for step in steps for part in step)]
        case _:
            return value


def _sent(runner: Session | ManagedTransaction, statement: Any, parameters: dict[str, Any]) -> Result:
    """Send a statement. The driver puts parameters into bytes here; a value that has no such form is never sent."""
    try:
        return runner.run(statement, parameters)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidArgumentError(
            f"a value cannot be sent to the database: {_reason(error)}",
            fix="Give texts of whole characters, and integers of at most 64 bits.",
        ) from error


def _reason(error: Exception) -> str:
    """Why the driver cannot put a value into bytes."""
    if isinstance(error, UnicodeEncodeError):  # it may quote a text of any length
        return f"half a character ({error.object[error.start]!r}, a lone surrogate) in the text {error.object!r:.60}"
    return f"{error!s:.200}"


def _log(cypher: str, rows: int, start: float) -> None:
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug("%d rows in %.1f ms: %s", rows, 1000 * (perf_counter() - start), _first_line(cypher))


def _first_line(cypher: str) -> str:
    """The first line of a statement's code, for the log."""
    lines = [line for line in without_comments(cypher).splitlines() if line.strip() and line.strip() != "CYPHER 25"]
    return lines[0].strip()[:120] if lines else ""


def connect(connection: Connection) -> Driver:
    """Open a driver and make sure that the server answers, lets us in and knows Cypher 25.

    Args:
        connection: address and credentials.

    Raises:
        DatabaseError: the address cannot be used, such as one of HTTP.
        ServerUnavailableError: nothing answers there.
        AuthenticationError: user name or password are wrong.
        UnsupportedServerError: the server is older than 2025.06.
    """
    if connection.uri.lower().startswith(("http://", "https://")):  # the driver knows them, with one more package
        raise DatabaseError(
            "this is an address of Neo4j's web pages (HTTP), not of the database (Bolt)",
            where=connection.uri,
            fix="Set NEO4J_URI to an address such as bolt://HOST:7687, or neo4j+s://HOST for Aura.",
        )
    with translated_errors(connection), _usable_address(connection):
        driver = GraphDatabase.driver(
            connection.uri,
            auth=(connection.username, connection.password),
            connection_timeout=_PATIENCE,
            connection_acquisition_timeout=4 * _PATIENCE,  # a server that was just restarted lets nobody in for a while
            max_transaction_retry_time=_PATIENCE,
            liveness_check_timeout=_PATIENCE,  # what lies between may have dropped a connection that was not used
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        )
    try:
        with translated_errors(connection), _usable_address(connection):
            check_version(_agent(driver, connection).partition("/")[2], connection.uri)
    except BaseException:
        driver.close()
        raise
    return driver


def _agent(driver: Driver, connection: Connection) -> str:
    """The server's name and version, from the database that is meant: the user's home database may not exist.

    Of a cluster, its leader is asked, so that what follows sees what was written before, by other programs too.
    """
    session = partial(
        driver.session, database=connection.database, bookmark_manager=driver.execute_query_bookmark_manager
    )

    def work(transaction: ManagedTransaction) -> str:
        return str(transaction.run("RETURN 1").consume().server.agent)

    try:
        if connection.uri.lower().startswith("neo4j"):  # of a cluster, perhaps
            unable = suppress(SessionExpired, WriteServiceUnavailable, TransientError)  # it has no leader; one may read
            with unable, session(max_transaction_retry_time=0.0) as leader:
                return leader.execute_write(work)
        with suppress(TransientError), session(max_transaction_retry_time=0.0) as member:
            return member.execute_read(work)
        with session() as member:  # the database is not there yet; where no server answers, nobody should wait
            return member.execute_read(work)
    except ClientError as error:
        if error.code != _NO_DATABASE:
            raise
        return str(driver.get_server_info().agent)  # what asks that database says that it does not exist


def check_version(version: str, uri: str) -> None:
    """Refuse servers older than `OLDEST_SERVER`. `version` reads 2026.07.1, or 5.26.0. That of Aura reads 5.27-aura,
    which says nothing of its age: Aura is always up to date.

    Raises:
        UnsupportedServerError: the server does not know Cypher 25.
    """
    if version.endswith("-aura"):
        return
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
        fix = "Check NEO4J_URI and that the server is running (`circuit-atlas server status`, `circuit-atlas doctor`)."
        if where and "+s://" in where:
            fix += " With +s, its certificate must be trusted here: name it in SSL_CERT_FILE, or use +ssc to trust any."
        raise ServerUnavailableError(
            f"no Neo4j server answers: {error}",
            where=where,
            fix=fix,
        ) from error
    except Neo4jError as error:
        raise _in_our_words(error, where) from error
    except DriverError as error:
        raise DatabaseError(f"the Neo4j driver failed: {error}", where=where) from error


@contextmanager
def _usable_address(connection: Connection) -> Iterator[None]:
    """Around what connects: the driver's ValueErrors are about the address or the user there, and nowhere else."""
    try:
        yield
    except (ConfigurationError, ValueError) as error:
        raise DatabaseError(
            f"not a usable address or user: {error}",
            where=connection.uri,
            fix="Check NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD.",
        ) from error


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
    if code == _NO_DATABASE:
        return DatabaseError(str(error.message), where=where, fix="Check NEO4J_DATABASE.")
    fix = _MORE_MEMORY if "Memory" in code else None
    if isinstance(error, ClientError):
        return CypherError(f"the server refused the query: {error.message}", fix=fix)
    if isinstance(error, TransientError):
        return DatabaseError(f"the server cannot run the query now: {error.message}", where=where, fix=fix)
    return DatabaseError(f"the server failed: {error.message}", where=where, fix="See the server's log.")
