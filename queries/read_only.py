"""Checks that a statement of a user reads the database and nothing else, by the plan that Neo4j makes for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from circuit_atlas.database import Database
from circuit_atlas.errors import CypherError, ReadOnlyError

_PROCEDURES = re.compile(
    r"db\.(labels|relationshipTypes|propertyKeys|info|ping|schema\.\w+|index\.(fulltext|vector)\.query\w+"
    r"|index\.fulltext\.listAvailableAnalyzers)"
)
_FUNCTIONS = re.compile(
    r"(date|datetime|duration|localdatetime|localtime|time|point|vector|graph)\..+|db\.nameFromElementId"
)
# In a plan, a subquery inside an expression is not an operator of its own: it is part of the expression's text. The
# names of functions and procedures that are not Neo4j's own have a dot, for nothing else may be in the root namespace.
_DOTTED_CALL = re.compile(r"(?:`[^`]*`|\w+)(?:\.(?:`[^`]*`|\w+))+(?=\()")


def check_read_only(database: Database, cypher: str, parameters: dict[str, Any]) -> None:
    """Refuse a statement that would do more than read the database.

    Args:
        database: the database, which plans the statement.
        cypher: the statement.
        parameters: its parameters.

    Raises:
        ReadOnlyError: it would write, load a file or an address, end a transaction, or call a procedure or a function
            that may do so; or it has PROFILE.
        CypherError: the server refused the statement.
    """
    try:
        summary = database.run(f"EXPLAIN {cypher}", parameters).summary
    except CypherError as error:
        if "values for execution mode" in error.what:  # the server's words for EXPLAIN PROFILE
            raise ReadOnlyError(
                "the statement may only read, and with PROFILE it cannot be looked at before it runs",
                fix="Leave PROFILE out: `circuit-atlas query --profile` shows the plan (`plan(profile=True)`).",
            ) from error
        raise
    steps = list(_steps(summary.plan or {}))
    operators = {operator for operator, _ in steps}
    if "LoadCSV" in operators or any("LOAD CSV" in details for _, details in steps):
        raise _refusal("LOAD CSV reads files of the server and calls addresses from there")
    if "TerminateTransactions" in operators:
        raise _refusal("it would end transactions")
    for operator, details in steps:
        called = [details.partition("(")[0]] if operator == "ProcedureCall" else []
        for name in [*called, *_DOTTED_CALL.findall(details)]:
            if not (_PROCEDURES.fullmatch(name) or _FUNCTIONS.fullmatch(name)):
                raise _refusal(f"it calls {name}, which may do more than read the database")
    # SHOW DATABASES is of the type of statements that change the schema.
    if summary.query_type != "r" and "ShowDatabases" not in operators:
        raise _refusal("it would change the database or its users")


def _steps(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Operators of a plan, and the expressions of each as text."""
    if plan:
        yield plan["operatorType"].partition("@")[0], str(plan.get("args", {}).get("Details", ""))
    for child in plan.get("children", []):
        yield from _steps(child)


def _refusal(why: str) -> ReadOnlyError:
    return ReadOnlyError(
        f"the statement may only read, and {why}",
        fix="If you trust it, run it with `circuit-atlas query --write` (in Python, `write=True`).",
    )
