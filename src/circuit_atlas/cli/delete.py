"""`delete`: deletes a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command, echo, graph_argument

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas

GROUP = "Graphs and files"


@click.command("delete")
@graph_argument
@atlas_command
def delete_command(atlas: Atlas, graph: str) -> None:
    """Delete a graph.

    \b
    Examples:
      circuit-atlas delete dallas
    """
    atlas.delete(graph)
    echo(f"Deleted {graph}.", err=True)
