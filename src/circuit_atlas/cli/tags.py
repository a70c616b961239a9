"""`tags`: lists tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("tags")
@atlas_command
def tags_command(atlas: Atlas) -> Result:
    """List the tags and their graphs.

    \b
    Examples:
      circuit-atlas tags
    """
    return atlas.tags()
