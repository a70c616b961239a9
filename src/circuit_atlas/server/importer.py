"""Neo4j's offline importer."""

from __future__ import annotations

import re
from pathlib import Path

from circuit_atlas.errors import LocalServerError
from circuit_atlas.server.admin import AdminTool

Files = list[tuple[str, Path]]  # label or type, and Parquet file
_DONE = re.compile(r"^\s+(\d+) (nodes|relationships)\s*$", re.MULTILINE)


def import_command(nodes: Files, relationships: Files, id_type: str, database: str = "neo4j") -> list[str]:
    """Arguments of `neo4j-admin` that make a new database of Parquet files; anything odd in them ends the import.

    Args:
        nodes: files of nodes; an empty label where a column tells it.
        relationships: files of relationships.
        id_type: `actual` for ids from 0 without gaps, which become those of the new store; else `integer`.
        database: its name.
    """
    return [
        "database",
        "import",
        "full",
        *(f"--nodes={label}={path}" if label else f"--nodes={path}" for label, path in nodes),
        *(f"--relationships={kind}={path}" for kind, path in relationships),
        "--input-type=parquet",
        f"--id-type={id_type}",
        "--path-pattern-style=none",
        "--strict=true",
        "--bad-tolerance=0",
        database,
    ]


def run_import(admin: AdminTool, nodes: Files, relationships: Files, *, heap: str) -> dict[str, int]:
    """Import files into the store, which holds no database yet; the numbers of `nodes` and `relationships` made.

    Raises:
        LocalServerError: the importer fails, for instance for want of room.
    """
    said = admin.run(*import_command(nodes, relationships, "actual"), heap=heap)
    found = {name: int(number) for number, name in _DONE.findall(said)}
    if not found:
        raise LocalServerError(f"the importer does not tell what it made:\n{said[-500:]}")
    return found
