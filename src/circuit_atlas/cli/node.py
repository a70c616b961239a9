"""`node`: one node of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("node", cls=Question)
@graph_collapsed_or_several
@click.argument("node")
@question_command
def node_command(atlas: Atlas, graph: str, node: str) -> Result:
    """Show all that is stored about a NODE of GRAPH.

    NODE is a key (token:6, feature:8/37691@9, error:5@3, logit:22605@10), a key without its position, or a
    name (Austin, logit:Austin). If several nodes match, they are listed.

    \b
    Examples:
      circuit-atlas node dallas token:Dallas
      circuit-atlas node dallas feature:18/56027@10
      circuit-atlas node dallas logit:Austin
    """
    return atlas.graph(graph).node(node)
