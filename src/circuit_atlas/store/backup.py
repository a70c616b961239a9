"""Backs up a local store to one file and restores it, with Neo4j's own dump and load."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from circuit_atlas.config import Connection
from circuit_atlas.database import Database, translated_errors
from circuit_atlas.errors import InputError, LocalServerError
from circuit_atlas.files import replacing
from circuit_atlas.schema.apply import check_schema
from circuit_atlas.server import LocalServer
from circuit_atlas.server.admin import AdminTool

_HELD = """CYPHER 25
RETURN COUNT { MATCH (g:Graph {status: 'ready'}) } AS graphs,
       COLLECT { MATCH (n) WHERE NOT n:CircuitAtlas RETURN labels(n)[0] AS label LIMIT 1 } AS labels
"""
_DATABASE = "neo4j"
_DUMP = f"{_DATABASE}.dump"


def write_backup(server: LocalServer, path: Path, *, quiet: bool) -> None:
    """Write a whole store to a file, which any Neo4j can load. Its server is stopped for that time.

    Raises:
        InputError: the file cannot be written.
        LocalServerError: Neo4j's dump fails.
    """
    with replacing(path) as temporary:
        server.admin(
            lambda admin: admin.run("database", "dump", _DATABASE, f"--to-path={temporary.parent}"), quiet=quiet
        )
        os.replace(temporary.parent / _DUMP, temporary)


def check_backup(path: Path) -> None:
    """Raise InputError if there is no such file."""
    if not os.path.isfile(path):
        raise InputError("file not found", where=str(path), fix="Give a file that `circuit-atlas backup` wrote.")


def what_would_be_lost(database: Database) -> str:
    """What a restore would delete: graphs, or data such as explanations that outlived theirs. An empty text if there
    is nothing."""
    [row] = database.read(_HELD)
    if row["graphs"]:
        return f"{row['graphs']} graphs"
    return f"no graph, but other data ({row['labels'][0] or 'nodes without a label'})" if row["labels"] else ""


def load_backup(server: LocalServer, path: Path, check_old: Callable[[], object], *, quiet: bool) -> None:
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
