"""`label`: labels a feature by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.questions import graph_argument

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Explanations"


@click.command("label")
@graph_argument
@click.argument("node")
@click.argument("text", required=False)
@click.option("--remove", is_flag=True, help="Remove the label.")
@atlas_command
def label_command(atlas: Atlas, graph: str, node: str, text: str | None, remove: bool) -> Result:
    """Label the feature behind NODE of GRAPH, in every graph.

    A label takes precedence over fetched and imported explanations; only another label or --remove changes it.

    \b
    Examples:
      circuit-atlas label dallas feature:20/44686@10 "say a place in Texas"
      circuit-atlas label dallas feature:20/44686@10 --remove
    """
    if (text is None) is not remove:
        raise click.UsageError("Give TEXT, or --remove.")
    return atlas.label(graph, node, text)
