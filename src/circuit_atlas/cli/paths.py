"""`paths`: the best paths of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import (
    contrast_options,
    edge_value_option,
    from_option,
    hops_options,
    restriction_options,
    score_option,
    to_option,
)
from circuit_atlas.cli.questions import Question, best_of_all_option, graph_collapsed_or_several, question_command
from circuit_atlas.schema.limits import MAX_PATHS, ORDERS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("paths", cls=Question)
@graph_collapsed_or_several
@from_option
@to_option
@contrast_options
@hops_options
@click.option("-k", "--k", type=click.IntRange(1, MAX_PATHS), default=10, show_default=True, help="How many paths.")
@best_of_all_option
@click.option(
    "--order",
    type=click.Choice(tuple(ORDERS)),
    default="strongest",
    show_default=True,
    help="Largest score first, or smallest.",
)
@score_option
@edge_value_option
@restriction_options
@question_command
def paths_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Find the paths of GRAPH with the best score. The search is exact and includes inhibiting paths.

    \b
    Examples:
      circuit-atlas paths dallas
      circuit-atlas paths dallas --from Dallas --to Austin --max-hops 3 -k 5
      circuit-atlas paths dallas --score product --sign promoting --min-hops 2
      circuit-atlas paths dallas --score product --sign inhibiting --hops 2
      circuit-atlas paths dallas --to Austin --order inhibiting
      circuit-atlas paths dallas --to Austin --minus Dallas --min-hops 2
      circuit-atlas paths dallas --score bottleneck --kind feature --min-weight 0.5
      circuit-atlas paths dallas --layer 10-20 --must-pass 20/44686
      circuit-atlas paths dallas --must-pass-any 20/44686 --must-pass-any 16/89970
      circuit-atlas paths dallas --score sum --edge-value 'abs(weight)'
      circuit-atlas paths --tag analogies --score product --min-hops 2 -k 1
      circuit-atlas paths --tag analogies --score product --min-hops 2 -k 5 --best-of-all
    """
    return atlas.graph(graph).paths(**options)
