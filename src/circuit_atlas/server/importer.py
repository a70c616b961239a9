"""Runs Neo4j's offline importer."""

from __future__ import annotations

import re
from pathlib import Path

from circuit_atlas.errors import LocalServerError
from circuit_atlas.server.admin import AdminTool

Files = list[tuple[str, Path]]  # label of nodes, or type of relationships, and a Parquet file
_COUNTS = re.compile(r"^\s+(\d+) (nodes|relationships)\s*$", re.MULTILINE)


def import_command(nodes: Files, relationships: Files, id_type: str) -> list[str]:
    """Arguments for `neo4j-admin` that make a new database from Parquet files. The import fails on any bad row.

    They have the names of the files, not the folder, which may have a `,` or `=` that separates files and labels. The
    command is run in the folder.

    Args:
        nodes: files of nodes; the label is empty where a column of the file gives the labels.
        relationships: files of relationships.
        id_type: `actual` for ids from 0 without gaps, which become the ids in the new store; else `integer`.
    """
    return [
        "database",
        "import",
        "full",
        *(f"--nodes={label}={path.name}" if label else f"--nodes={path.name}" for label, path in nodes),
        *(f"--relationships={kind}={path.name}" for kind, path in relationships),
        "--input-type=parquet",
        f"--id-type={id_type}",
        "--path-pattern-style=none",  # a path is a path, whatever characters it contains
        "--strict=true",
        "--bad-tolerance=0",
        "neo4j",
    ]


def run_import(admin: AdminTool, nodes: Files, relationships: Files, *, heap: str) -> dict[str, int]:
    """Import files of one folder into a store that has no database yet.

    Returns:
        The numbers of imported `nodes` and `relationships`.

    Raises:
        LocalServerError: the importer fails, for instance because there is not enough disk space.
    """
    output = admin.run(*import_command(nodes, relationships, "actual"), heap=heap, folder=nodes[0][1].parent)
    counts = {name: int(number) for number, name in _COUNTS.findall(output)}
    if not counts:
        raise LocalServerError(f"the importer does not say what it imported:\n{output[-500:]}")
    return counts
