"""`aggregate`: stores one graph made of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.ingest import warn
from circuit_atlas.cli.options import align_option, atlas_command, tags_option
from circuit_atlas.cli.questions import some_graphs
from circuit_atlas.schema.limits import AGGREGATED_WEIGHTS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("aggregate")
@some_graphs
@tags_option
@click.option("--name", required=True, help="Name of the aggregate.")
@align_option(None)
@click.option(
    "--weight",
    type=click.Choice(AGGREGATED_WEIGHTS),
    help="Mean of the weights, or of their shares of the target's inputs.  [default: mean]",
)
@click.option(
    "--min-graphs", type=click.IntRange(1), help="Leave out nodes and effects that fewer graphs have.  [default: 1]"
)
@click.option("--replace", is_flag=True, help="Replace a graph of that name.")
@click.option("--refresh", is_flag=True, help="Make the aggregate again, as it was made, if it is out of date.")
@atlas_command
def aggregate_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """Store one graph made of many: each GRAPH, and all graphs with a tag.

    A transcoder feature of several graphs becomes one node, and the weight of a direct effect is its mean over all
    graphs. The result is a graph like any other.

    \b
    Examples:
      circuit-atlas aggregate --tag analogies --name analogy-map
      circuit-atlas aggregate night winter --name opposites --align relative --weight normalised
      circuit-atlas aggregate --tag analogies --name analogy-core --min-graphs 2
      circuit-atlas aggregate --name analogy-map --refresh
    """
    result = atlas.aggregate(*graphs, **options).ingested
    warn(result.graph, result.warnings)
    return result
