"""`distribution`: how the scores of paths are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import from_option, hops_options, restriction_options, score_option, to_option
from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command
from circuit_atlas.schema.limits import MAX_PATHS, MAX_SEED

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("distribution", cls=Question)
@graph_collapsed_or_several
@from_option
@to_option
@hops_options
@score_option
@restriction_options
@click.option(
    "--sample",
    type=click.IntRange(1, MAX_PATHS),
    default=MAX_PATHS,
    show_default=True,
    help="Score at most this many paths, drawn with equal chances.",
)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True, help="Seed of the sample.")
@question_command
def distribution_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Show the distribution of the scores of the paths of GRAPH: of all paths if they are few, else of a sample.

    \b
    Examples:
      circuit-atlas distribution dallas --max-hops 2
      circuit-atlas distribution dallas --from Dallas --score product
      circuit-atlas distribution dallas --score product --sign promoting --min-hops 2
    """
    return atlas.graph(graph).score_distribution(**options)
