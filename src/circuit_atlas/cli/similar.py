"""`similar`: the graphs most like one graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, similarity_options, tags_option
from circuit_atlas.cli.questions import graph_argument
from circuit_atlas.schema.limits import MAX_NEIGHBORS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("similar")
@graph_argument
@tags_option
@similarity_options
@click.option(
    "-k", "--k", type=click.IntRange(1, MAX_NEIGHBORS), default=10, show_default=True, help="How many graphs."
)
@atlas_command
def similar_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """List the graphs most like GRAPH: those whose features, or edges, have the most similar weights.

    A feature's weight is its influence. Without --tag, GRAPH is compared with all graphs of its model and transcoders.

    \b
    Examples:
      circuit-atlas similar winter --tag analogies
      circuit-atlas similar winter --by edge --measure cosine -k 3
    """
    return atlas.similar(graph, **options)
