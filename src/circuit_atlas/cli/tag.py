"""`tag`: adds tags to graphs and removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.questions import complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("tag")
@click.argument("graphs", nargs=-1, required=True, metavar="GRAPH...", shell_complete=complete_graphs)
@click.option("--add", multiple=True, metavar="TAG", help="Add this tag; repeatable.")
@click.option("--remove", multiple=True, metavar="TAG", help="Remove this tag; repeatable.")
@atlas_command
def tag_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """Add tags to each GRAPH, or remove them. Questions across graphs take tags in place of graphs.

    \b
    Examples:
      circuit-atlas tag night winter --add analogies
      circuit-atlas tag winter --remove analogies
    """
    return atlas.tag(*graphs, **options)
