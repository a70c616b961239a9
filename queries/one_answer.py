"""Makes sure that an answer is of one graph, although a question is several transactions.

Every publish of a graph sets a new version on its `:Graph` node, in the transaction that makes it visible; a delete
hides the graph in its first transaction. A question notes the version of each graph when it first reads it, and reads
the versions again when it ends: if none has changed, all that it read between is of these graphs. Else it is asked
again. A graph that was stored before there were versions has None, which is a version like any other.

The stored bounds and counts of paths can be deleted without a new version. What relies on them notes how many blocks
they have, and these are counted at the end, too.

Many questions end by looking up which names several nodes have. The same statement then reads the versions, and if no
other one follows, they are not read again.

To read the versions of thousands of graphs takes longer than many answers do. So once a question has been about many
graphs, further questions note where the log of transactions ends, too. If it still ends there, nothing has changed.
This is for a single server: the members of a cluster do not all get a transaction at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakSet

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import AtlasError, DatabaseError, GraphChangedError
from circuit_atlas.queries.ask import ask

_ATTEMPTS = 3
P = ParamSpec("P")
R = TypeVar("R")
Versions = dict[str, str | None]  # by name of a graph
Blocks = dict[str, dict[str, int]]  # of path tables: how many, by name of a graph and label
Position = frozenset[str]  # where the log of transactions ends, see `Database.position`
MANY = 1_000  # graphs

_watched: WeakSet[Database] = WeakSet()  # those of which a question was about many graphs


@dataclass
class _Noted:
    """The notes of a question."""

    position: Position | None
    """The position of the log when it began."""
    versions: Versions = field(default_factory=dict)
    """The versions of graphs that it has read."""
    blocks: Blocks = field(default_factory=dict)
    """Of the path tables on which it relies."""
    checked: int | None = None
    """How many statements had been sent when all of this was last checked; None once more is noted."""


_noted: ContextVar[_Noted | None] = ContextVar("what the question that is being asked has noted")


def one_answer(function: Callable[Concatenate[Database, P], R]) -> Callable[Concatenate[Database, P], R]:
    """Makes a function ask its question again if one of the graphs that it reads changes meanwhile."""

    @wraps(function)
    def ask_as_one(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return as_one(database, function, database, *args, **kwargs)

    return ask_as_one


def as_one(database: Database, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The answer of a function, from graphs that did not change while it read them. If a question is being asked, the
    function is a part of it.

    Raises:
        GraphChangedError: a graph changed at each of three attempts.
    """
    if is_asking():
        return function(*args, **kwargs)
    again: Any = [_repeatable(value) for value in args], {name: _repeatable(value) for name, value in kwargs.items()}
    for _ in range(_ATTEMPTS - 1):
        with suppress(GraphChangedError):
            return _attempt(database, lambda: function(*again[0], **again[1]))
    return _attempt(database, lambda: function(*again[0], **again[1]))


def is_asking() -> bool:
    """Whether this call is part of a larger question."""
    return _noted.get(None) is not None


def _repeatable(value: Any) -> Any:
    """An argument that can be read again."""
    return list(value) if isinstance(value, Iterator) else value


def _attempt(database: Database, function: Callable[[], R]) -> R:
    noted = _Noted(_log_position(database))
    token = _noted.set(noted)
    try:
        answer = function()
    except (DatabaseError, GraphChangedError):
        raise
    except Exception:
        _check(database, noted)  # what is wrong may come from reading two graphs
        raise
    finally:
        _noted.reset(token)
    _check(database, noted)
    return answer


def noted_position() -> Position | None:
    """The position of the log when this question began; None if it was not noted."""
    noted = _noted.get(None)
    return None if noted is None else noted.position


def _log_position(database: Database) -> Position | None:
    if database not in _watched:
        return None
    try:
        return database.position()
    except AtlasError:  # the question says what is wrong, if it cannot be asked either
        _watched.discard(database)
        return None


def _check(database: Database, noted: _Noted) -> None:
    """Check that no graph has changed since it was noted; raises as `check_versions`."""
    if noted.checked == database.sent:
        return
    are_many = len(noted.versions) >= MANY
    if are_many and database.is_single:
        _watched.add(database)
    if not are_many or noted.position is None or _log_position(database) != noted.position:
        check_versions(database, noted.versions, noted.blocks)


def note_versions(versions: Versions) -> None:
    """Note the versions of graphs that are read.

    Raises:
        GraphChangedError: the question has read another version of one of them before.
    """
    noted = _noted.get(None)
    if noted is None:
        return
    for graph, version in versions.items():
        if graph not in noted.versions:
            noted.versions[graph], noted.checked = version, None
        elif noted.versions[graph] != version:
            raise changed(graph)


def note_blocks(graph: str, label: str, blocks: int) -> None:
    """Note that the question relies on the path tables of a graph with this label, and how many blocks they have.

    Raises:
        GraphChangedError: the question has noted another number before.
    """
    noted = _noted.get(None)
    if noted is None:
        return
    if noted.blocks.setdefault(graph, {}).setdefault(label, blocks) != blocks:
        raise changed(graph)
    noted.checked = None


def namesakes(database: Database, named: list[list[str]]) -> Rows:
    """Those of some names that several nodes have, as in graphs.versions. What the question has noted is checked in the
    same statement, unless it is much.

    Args:
        database: the database.
        named: names of nodes, each with the graph: [graph, name].

    Raises:
        GraphChangedError: see `check_versions`.
    """
    noted = _noted.get(None)
    if noted is None or len(noted.versions) >= MANY:
        return _last_look(database, {}, {}, named)
    found = _last_look(database, noted.versions, noted.blocks, named)
    noted.checked = database.sent
    return found


def check_versions(database: Database, versions: Versions, blocks: Blocks | None = None) -> None:
    """Check that graphs still have these versions, and as many blocks of path tables.

    Raises:
        GraphChangedError: one of them was repaired, replaced or deleted, or has lost path tables.
    """
    if versions:
        _last_look(database, versions, blocks or {}, [])


def _last_look(database: Database, versions: Versions, blocks: Blocks, named: list[list[str]]) -> Rows:
    """Those of some names that several nodes have, read before a check as `check_versions` makes it."""
    [found] = ask(database, "graphs.versions", graphs=list(versions), tables=list(blocks), named=named)
    now = dict(zip(found["names"], found["versions"], strict=True))
    for graph, version in versions.items():
        if now.get(graph) != (version or ""):
            raise changed(graph)
    for (graph, before), after in zip(blocks.items(), found["blocks"], strict=True):
        if after != after | before:
            raise changed(graph)
    return list(found["namesakes"])


def changed(graph: str) -> GraphChangedError:
    """The error for a graph that changed during a question."""
    return GraphChangedError(
        f"graph {graph!r} was repaired, replaced or deleted while it was read",
        fix=f"It changed during each of {_ATTEMPTS} attempts. Ask again.",
    )
