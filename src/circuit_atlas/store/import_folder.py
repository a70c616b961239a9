"""Writes a folder for the offline importer of a cluster or of Aura: Parquet files, the command, and the statements to
run afterwards."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from circuit_atlas.errors import GraphExistsError, InputError
from circuit_atlas.export.results import ExportResult
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.graph_rows import graph_rows
from circuit_atlas.ingest.import_files import ImportFiles
from circuit_atlas.ingest.labels import for_all_graphs
from circuit_atlas.ingest.names import check_name
from circuit_atlas.schema.apply import statements as schema_statements
from circuit_atlas.server.importer import import_command
from circuit_atlas.store.stored_rows import StoredRows

COMMAND, FINISH = "import.sh", "finish.cypher"


def write_import_folder(
    folder: Path, store: StoredRows, names: Iterable[str], files: Iterable[GraphData]
) -> ExportResult:
    """Write graphs as `neo4j-admin database import full` reads them.

    Args:
        folder: the folder to write; new or empty.
        store: the store that has the graphs of `names`.
        names: names of stored graphs.
        files: graphs from files, each under the name in it.

    Raises:
        InputError: the folder is not empty, or cannot be written.
        GraphExistsError: two graphs have the same name.
        MissingExtraError: the extra `parquet` is not installed.
    """
    if os.path.exists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("already exists and is not empty", where=str(folder), fix="Give an empty or new folder.")
    seen: set[str] = set()
    with replacing(folder, make_parents=True) as made:
        made.mkdir()
        with ImportFiles(made) as tables:
            for name in names:
                _check_new(name, seen)
                tables.add(name, store.graph_rows(name))
            for properties in store.features_of(seen):
                tables.add_feature(properties)
            for data in files:
                name = check_name(data.metadata.slug)
                _check_new(name, seen)
                tables.add(name, graph_rows(data, content_hash(data)))
            tables.finish()
        _write_command(made, tables)
    return ExportResult(file=str(folder), nodes=tables.nodes, edges=tables.relationships)


def _check_new(name: str, seen: set[str]) -> None:
    if name in seen:
        raise GraphExistsError(f"two graphs are named {name!r}", fix="Leave one of them out.")
    seen.add(name)


def _write_command(folder: Path, tables: ImportFiles) -> None:
    command = shlex.join(["neo4j-admin", *import_command(tables.node_files, tables.relationship_files, "integer")])
    (folder / COMMAND).write_text(
        "#!/bin/sh\n"
        "# Imports the files of this folder as the database `neo4j`. Run it on the server, while that database is\n"
        f"# stopped; then start it and run {FINISH} in it.\n"
        f'set -e\ncd "$(dirname "$0")"\n{command}\n',
        encoding="utf-8",
    )
    fill = f"CYPHER 25 {statements.FILL_EMPTY.removeprefix('CYPHER 25').strip()}"
    lines = [*schema_statements(), fill, *for_all_graphs()]
    (folder / FINISH).write_text(
        "// Constraints, indexes, empty texts (which the importer leaves out), and the names of features.\n"
        + "".join(f"{line};\n" for line in lines),
        encoding="utf-8",
    )
