"""One way to write: a managed transaction, repeated when the outcome is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from neo4j import Driver, ManagedTransaction, Session
from neo4j.exceptions import ConstraintError, IncompleteCommit

_ATTEMPTS = 3
PATIENCE = 60.0  # seconds
Rows = list[dict[str, Any]]
Step = tuple[str, dict[str, Any]]  # a statement and its parameters


class Writer:
    """Runs the statements of `statements.py`, which can all be repeated.

    The driver repeats a transaction that the server refused for a passing reason, or that was cut off by a restart of
    the server or a lost connection, with growing pauses for `PATIENCE` seconds; a commit whose answer was lost it does
    not, so that is done here.
    """

    def __init__(self, driver: Driver, database: str | None) -> None:
        self._driver, self._database = driver, database

    def run(self, *statements: str, **parameters: Any) -> Rows:
        """Run the statements in one transaction; the rows of the last one."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._session() as session:
                    return session.execute_write(_run_all, [(text, parameters) for text in statements])
            except (IncompleteCommit, ConstraintError):  # the first attempt may still be committing
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def run_together(self, steps: Iterable[Step], check: Callable[[Rows], None] = lambda _: None) -> None:
        """Run statements with parameters of their own in one transaction, if `check` takes the rows of the last one."""
        again = list(steps)  # the driver may have to repeat them

        def work(transaction: ManagedTransaction) -> None:
            check(_run_all(transaction, again))

        with self._session() as session:
            session.execute_write(work)

    def _session(self) -> Session:
        """One whose writes later readers of the same driver see, on a cluster too."""
        return self._driver.session(
            database=self._database,
            bookmark_manager=self._driver.execute_query_bookmark_manager,
            max_transaction_retry_time=PATIENCE,
            retry_delay_multiplier=1.3,  # twice as long each time would sleep through a server that is back
        )


def _run_all(transaction: ManagedTransaction, steps: list[Step]) -> Rows:
    rows: Rows = []
    for text, parameters in steps:
        rows = [record.data() for record in transaction.run(text, parameters)]
    return rows
