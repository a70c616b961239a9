"""`backup`: writes a local store to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, overwrite_option
from circuit_atlas.cli.output import echo

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas

GROUP = "Graphs and files"


@click.command("backup")
@click.argument("file", type=FILE_PATH)
@overwrite_option
@atlas_command
def backup_command(atlas: Atlas, file: str, overwrite: bool) -> None:
    """Write the whole local store to FILE with Neo4j's dump; the server is stopped for that time.

    \b
    Examples:
      circuit-atlas backup store.dump
    """
    atlas.backup(file, overwrite=overwrite)
    echo(f"Wrote {file}.", err=True)
