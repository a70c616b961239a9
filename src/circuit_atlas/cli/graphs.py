"""`graphs`: lists graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("graphs")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only graphs of this tag; repeatable.")
@atlas_command
def graphs_command(atlas: Atlas, tags: tuple[str, ...]) -> Result:
    """List the graphs of the database.

    \b
    Examples:
      circuit-atlas graphs
      circuit-atlas graphs --tag analogies
      circuit-atlas graphs --json
    """
    return atlas.graphs(tags)
