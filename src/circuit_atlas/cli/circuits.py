"""`circuits`: lists and deletes circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.questions import Question, Several, graph_or_several

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("circuits", cls=Question)
@graph_or_several
@click.option("--delete", "deleted", multiple=True, metavar="NAME", help="Delete this circuit; repeatable.")
@atlas_command
def circuits_command(atlas: Atlas, graph: str | Several, deleted: tuple[str, ...]) -> Result | None:
    """List the circuits of GRAPH that are stored, or delete some. Their nodes stay.

    \b
    Examples:
      circuit-atlas circuits dallas
      circuit-atlas circuits --graph dallas --graph night
      circuit-atlas circuits dallas --delete capital
    """
    if isinstance(graph, Several):
        if deleted:
            raise click.UsageError("--delete needs one GRAPH.")
        return graph.of(atlas).circuits()
    handle = atlas.graph(graph)
    if not deleted:
        return handle.circuits()
    handle.delete_circuit(*deleted)
    echo(f"Deleted {', '.join(deleted)}.", err=True)
    return None
