"""Backs up a local store to one file and restores it, with Neo4j's own dump and load."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from circuit_atlas.config import Connection
from circuit_atlas.database import Database, translated_errors
from circuit_atlas.errors import InputError, InvalidArgumentError, LocalServerError
from circuit_atlas.files import check_new, replacing
from circuit_atlas.ingest.delete import remove_leftovers
from circuit_atlas.schema.apply import check_schema
from circuit_atlas.store.reconnecting import ReconnectingDatabase

if TYPE_CHECKING:
    from circuit_atlas.server import LocalServer
    from circuit_atlas.server.admin import AdminTool

_HELD = """CYPHER 25
RETURN COUNT { MATCH (g:Graph {status: 'ready'}) } AS graphs,
       COLLECT { MATCH (n) WHERE NOT n:CircuitAtlas RETURN labels(n)[0] AS label LIMIT 1 } AS labels
"""
_DATABASE = "neo4j"
_DUMP = f"{_DATABASE}.dump"


def backup(database: ReconnectingDatabase, file: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the whole local store to a file with Neo4j's dump. Its server is stopped for that time.

    Raises:
        InvalidArgumentError: the database is not a local store.
        InputError: the file exists, or cannot be written.
        LocalServerError: the dump fails.
    """
    server = database.local_server(
        "be backed up here", "use the server's own `neo4j-admin database dump` or its snapshots"
    )
    path = Path(file)
    check_new(path, overwrite=overwrite)
    with database.reopened(), replacing(path) as temporary:
        server.admin(
            lambda admin: admin.run("database", "dump", _DATABASE, f"--to-path={temporary.parent}"),
            quiet=not database.progress,
        )
        os.replace(temporary.parent / _DUMP, temporary)


def restore(database: ReconnectingDatabase, file: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Restore the local store from a backup, all or nothing.

    Args:
        database: the database.
        file: a file of `backup`.
        replace: whether what the store has may be overwritten.

    Raises:
        InvalidArgumentError: the database is not a local store, or has graphs or other data and `replace` is not
            set.
        InputError: the file does not exist.
        LocalServerError: the file is not a dump, or there is not enough disk space; the store is unchanged.
    """
    path = Path(file)
    if not os.path.isfile(path):
        raise InputError("file not found", where=str(path), fix="Give a file that `circuit-atlas backup` wrote.")
    database.make_store()
    server = database.local_server("be restored here", "use the server's own `neo4j-admin database load`")

    def check_old() -> None:
        remove_leftovers(database)
        if not replace and (lost := _what_would_be_lost(database)):
            raise InvalidArgumentError(
                f"the store has {lost}, which would be lost",
                fix="Restore into another store (--store), or pass --replace.",
            )

    with database.reopened(), database.writing():
        _load_backup(server, path, check_old, quiet=not database.progress)


def _what_would_be_lost(database: Database) -> str:
    """The things that a restore would delete: graphs, or data such as explanations that outlived theirs. An empty
    text if there are none."""
    [row] = database.read(_HELD)
    if row["graphs"]:
        return f"{row['graphs']} graphs"
    return f"no graph, but other data ({row['labels'][0] or 'nodes without a label'})" if row["labels"] else ""


def _load_backup(server: LocalServer, path: Path, check_old: Callable[[], object], *, quiet: bool) -> None:
    """Restore a store from a backup. The old database is kept until the new one has passed its check; and if an error
    is raised by `check_old`, which looks at it just before its server is stopped.

    Raises:
        InputError: the file is the dump of a database of something else.
        LocalServerError: the file is not a dump of Neo4j, or there is not enough disk space.
        SchemaVersionError: a newer circuit-atlas made it.
    """
    with server.store.disk_errors(), server.store.work_folder("load") as folder:
        (folder / _DUMP).symlink_to(path.resolve())
        server.rebuild(
            check_old,
            lambda admin: _load(admin, folder, path),
            lambda connection: _check(connection, path),
            quiet=quiet,
        )


def _load(admin: AdminTool, folder: Path, path: Path) -> None:
    try:
        admin.run("database", "load", _DATABASE, f"--from-path={folder}")
    except LocalServerError as error:
        raise LocalServerError(
            error.what,
            where=str(path),
            fix="The store is unchanged. Check that this is a complete file of `circuit-atlas backup`, and that the "
            "disk has space.",
        ) from error


def _check(connection: Connection, path: Path) -> None:
    with Database(connection) as database, translated_errors(connection):
        if check_schema(database) is None and database.read("CYPHER 25 MATCH (n) RETURN 1 AS one LIMIT 1"):
            raise InputError(
                "the file is a dump of a database that circuit-atlas did not make",
                where=str(path),
                fix="The store is unchanged. Give a file that `circuit-atlas backup` wrote.",
            )
