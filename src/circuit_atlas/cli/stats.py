"""`stats`: the statistics of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("stats", cls=Question)
@graph_collapsed_or_several
@question_command
def stats_command(atlas: Atlas, graph: str) -> Result:
    """Show the statistics of GRAPH: nodes by kind, edges, density, range of weights, logits with probabilities.

    \b
    Examples:
      circuit-atlas stats dallas
    """
    return atlas.graph(graph).stats()
