"""`delete`: deletes graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.questions import some_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas

GROUP = "Graphs and files"


@click.command("delete")
@some_graphs
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="All graphs with this tag; repeatable.")
@atlas_command
def delete_command(atlas: Atlas, graphs: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Delete each GRAPH, and all graphs of a tag.

    \b
    Examples:
      circuit-atlas delete dallas
      circuit-atlas delete night winter
      circuit-atlas delete --tag analogies
    """
    echo(f"Deleted {', '.join(atlas.delete(*graphs, tags=tags))}.", err=True)
