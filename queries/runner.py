"""Runs queries: read-only for the catalogue, bounded in rows and time, each statement visible to a tracer."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple
from uuid import uuid4

from circuit_atlas.queries.catalogue import find_query
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT, MAX_ROWS
from neo4j import READ_ACCESS, WRITE_ACCESS, Driver, Query, ResultSummary

from circuit_atlas.database import translated_errors
from circuit_atlas.errors import InvalidArgumentError

_MARK = "circuit-atlas"
_FIND_TRANSACTION = """
SHOW TRANSACTIONS YIELD transactionId, metaData WHERE metaData[$key] = $mark RETURN transactionId AS id LIMIT 1
"""
_COMMENTS = re.compile(r"^//.*\n", re.MULTILINE)
Rows = list[dict[str, Any]]
Tracer = Callable[[str], object]


class Result(NamedTuple):
    """What a statement returned."""

    columns: list[str]
    rows: Rows
    summary: ResultSummary


class QueryRunner:
    """Runs queries on one database.

    Args:
        driver: an open driver.
        database: its database, None for the default one.
        timeout: seconds after which the server stops a query.
        tracer: called with the text of every statement that reads and its parameters, as they can be pasted
            into Neo4j Browser.
    """

    def __init__(
        self,
        driver: Driver,
        database: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        tracer: Tracer | None = None,
    ) -> None:
        if not 0 < timeout <= 86_400:
            raise InvalidArgumentError(f"a time limit of {timeout} s", fix="Give seconds, more than 0, at most 86400.")
        self.driver, self.database = driver, database
        self._timeout, self._tracer = timeout, tracer

    def ask(self, query_id: str, *, hops: int | None = None, edge_value: str | None = None, **parameters: Any) -> Rows:
        """Rows of a query of the catalogue, planned for `hops` hops (the parameter max_hops, when it has one), with
        `edge_value`, a Cypher expression of the user's own, for the value of an edge.

        Raises:
            QueryNotFoundError: no query of that id.
            InvalidArgumentError: a parameter is missing or of the wrong type.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        query = find_query(query_id)
        text = query.cypher(hops or parameters.get("max_hops"), edge_value)
        return self.run(text, query.complete(parameters)).rows

    def run(self, cypher: str, parameters: dict[str, Any] | None = None, *, write: bool = False) -> Result:
        """Columns, rows (at most MAX_ROWS) and summary of any statement, read-only unless `write`.

        Raises:
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        if self._tracer and not write:
            self._tracer(pastable(cypher, parameters or {}))
        mark = uuid4().hex
        with ThreadPoolExecutor(1) as reader:  # an interrupt inside the driver would leave its connection torn
            answer = reader.submit(self._read, cypher, parameters or {}, write, mark)
            try:
                return answer.result()
            except KeyboardInterrupt:
                while not answer.done():
                    self._stop(mark)
                    wait([answer], timeout=0.1)
                raise

    def _read(self, cypher: str, parameters: dict[str, Any], write: bool, mark: str) -> Result:
        mode = WRITE_ACCESS if write else READ_ACCESS
        query = Query(cypher, timeout=self._timeout, metadata={_MARK: mark})
        with (
            translated_errors(),
            self.driver.session(
                database=self.database,
                default_access_mode=mode,
                bookmark_manager=self.driver.execute_query_bookmark_manager,  # on a cluster, read what was written
            ) as session,
        ):
            result = session.run(query, parameters)
            rows = [record.data() for record in result.fetch(MAX_ROWS)]
            return Result(list(result.keys()), rows, result.consume())

    def _stop(self, mark: str) -> None:
        """End a query on the server, where it would run on to its time limit."""
        with self.driver.session(database=self.database) as session:
            found = session.run(_FIND_TRANSACTION, {"key": _MARK, "mark": mark}).single()
            if found:
                session.run("TERMINATE TRANSACTION $id", {"id": found["id"]}).consume()

    def plan(self, cypher: str, parameters: dict[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a statement as Neo4j draws it; with `profile` it is run, read-only, and counted.

        Raises:
            CypherError: the server refused the statement.
        """
        text = _COMMENTS.sub("", cypher).strip().removeprefix("CYPHER 25")
        summary = self.run(f"CYPHER 25 {'PROFILE' if profile else 'EXPLAIN'} {text}", parameters).summary
        plan = (summary.profile if profile else summary.plan) or {}
        return str(plan.get("args", {}).get("string-representation", ""))


def pastable(cypher: str, parameters: dict[str, Any]) -> str:
    """A statement with its parameters, as Neo4j Browser takes both."""
    if not parameters:
        return cypher
    return f":params {{{', '.join(f'{name}: {literal(value)}' for name, value in parameters.items())}}};\n\n{cypher}"


def literal(value: Any) -> str:
    """A value as a Cypher literal. For people to read and paste: statements that run here take parameters."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float() if abs(value) == float("inf"):
            return "Infinity" if value > 0 else "-Infinity"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(literal(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"`{name}`: {literal(item)}" for name, item in value.items()) + "}"
        case _:
            text = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
            return f"'{text}'"
