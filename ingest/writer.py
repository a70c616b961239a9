"""One way to write: a managed transaction, repeated when the outcome is unknown."""

from __future__ import annotations

from typing import Any

from neo4j import Driver, Session
from neo4j.exceptions import ConstraintError, IncompleteCommit

_ATTEMPTS = 3


class Writer:
    """Runs the statements of `statements.py`, which can all be repeated.

    The driver retries a transaction that the server refused for a passing reason; a commit whose answer
    was lost it does not, so that is done here.
    """

    def __init__(self, driver: Driver, database: str | None) -> None:
        self._driver, self._database = driver, database

    def run(self, *statements: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run the statements in one transaction; the rows of the last one."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._session() as session:
                    return session.execute_write(_run_all, [(text, parameters) for text in statements])
            except (IncompleteCommit, ConstraintError):  # the first attempt may still be committing
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def run_together(self, steps: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Run statements with parameters of their own in one transaction; the rows of the last one."""
        with self._session() as session:
            return session.execute_write(_run_all, steps)

    def _session(self) -> Session:
        """One whose writes later readers of the same driver see, on a cluster too."""
        return self._driver.session(
            database=self._database, bookmark_manager=self._driver.execute_query_bookmark_manager
        )


def _run_all(transaction: Any, steps: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for text, parameters in steps:
        rows = [record.data() for record in transaction.run(text, parameters)]
    return rows
