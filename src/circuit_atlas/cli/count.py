"""`count`: the number of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import from_option, hops_options, restriction_options, to_option
from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("count", cls=Question)
@graph_collapsed_or_several
@from_option
@to_option
@hops_options
@restriction_options
@question_command
def count_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Count the paths of GRAPH by number of hops, exactly.

    \b
    Examples:
      circuit-atlas count dallas
      circuit-atlas count dallas --from Dallas --max-hops 12
      circuit-atlas count dallas --sign promoting --must-pass 20/44686
    """
    return atlas.graph(graph).count(**options)
