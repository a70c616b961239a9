"""`collapse`: stores a graph collapsed by its supernodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.questions import graph_argument
from circuit_atlas.schema.limits import COLLAPSED_WEIGHTS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("collapse")
@graph_argument
@click.option(
    "--weights",
    type=click.Choice(COLLAPSED_WEIGHTS),
    help="Shares of the target's outer inputs, or sums of direct effects.  [default: as last time; else shares]",
)
@atlas_command
def collapse_command(atlas: Atlas, graph: str, weights: str | None) -> Result:
    """Store GRAPH collapsed by its supernodes, each of them one node, as the graph GRAPH:collapsed.

    Commands with --collapsed or the name GRAPH:collapsed do this themselves if that graph does not exist or the
    supernodes have changed since.

    \b
    Examples:
      circuit-atlas collapse opposite-small
      circuit-atlas collapse opposite-small --weights sums
    """
    return atlas.graph(graph).collapsed(weights).stats()
