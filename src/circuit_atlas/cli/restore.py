"""`restore`: restores a local store from a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("restore")
@click.argument("file", type=FILE_PATH)
@click.option("--replace", is_flag=True, help="Overwrite what the store has.")
@atlas_command
def restore_command(atlas: Atlas, file: str, replace: bool) -> Result:
    """Restore the local store from backup FILE, all or nothing.

    \b
    Examples:
      circuit-atlas restore store.dump --store another-store
      circuit-atlas restore store.dump --replace
    """
    atlas.restore(file, replace=replace)
    return atlas.graphs()
