"""`neighbors`: the strongest direct effects on a node and from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import KIND, IntRange, circuit_option, contrast_options
from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command
from circuit_atlas.schema.limits import DIRECTIONS, EFFECT_SIGNS, MAX_NEIGHBORS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("neighbors", cls=Question)
@graph_collapsed_or_several
@click.argument("node")
@contrast_options
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default="both",
    show_default=True,
    help="Effects on the node, from the node, or both.",
)
@click.option(
    "-k", "--k", type=click.IntRange(1, MAX_NEIGHBORS), default=10, show_default=True, help="How many each way."
)
@click.option(
    "--sign",
    type=click.Choice(tuple(EFFECT_SIGNS)),
    default="abs",
    show_default=True,
    help="Rank by |weight|, by weight, or the most inhibiting first.",
)
@click.option(
    "--kind",
    "kinds",
    type=KIND,
    multiple=True,
    help="Only neighbours of this kind; repeatable.",
)
@click.option(
    "--layer", "layers", type=IntRange(), multiple=True, help="Only neighbours in these layers, 5 or 5-10; repeatable."
)
@click.option(
    "--hops",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="With 2 or more: the subgraph around the node, k effects per node.",
)
@circuit_option
@question_command
def neighbors_command(atlas: Atlas, graph: str, node: str, hops: int, **options: Any) -> Result:
    """Show the strongest direct effects on and from a NODE of GRAPH.

    \b
    Examples:
      circuit-atlas neighbors dallas logit:Austin --direction in -k 5
      circuit-atlas neighbors dallas logit:Austin --sign negative
      circuit-atlas neighbors dallas logit:Austin --direction in --hops 3 -k 2
      circuit-atlas neighbors dallas logit:Austin --minus logit:Dallas -k 5
    """
    handle = atlas.graph(graph)
    if hops > 1:
        return handle.subgraph(node, hops=hops, **options)
    return handle.neighbors(node, **options)
