"""`circuit`: chooses a circuit of a few nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import explain_option
from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command
from circuit_atlas.schema.limits import CIRCUIT_METHODS, CIRCUIT_SCORES

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("circuit", cls=Question)
@graph_collapsed_or_several
@click.option(
    "--nodes",
    type=click.IntRange(1, 1_000),
    default=20,
    show_default=True,
    help="At most this many nodes, not counting tokens and logits.",
)
@click.option(
    "--keep",
    type=click.Choice(CIRCUIT_SCORES),
    default="influence",
    show_default=True,
    help="The score to keep as high as possible.",
)
@click.option(
    "--method",
    type=click.Choice(CIRCUIT_METHODS),
    help="The most influential nodes; the node that raises the score most, one at a time; or the best paths.  "
    "[default: the best of the three]",
)
@explain_option
@click.option("--name", help="Store the circuit under this name.")
@click.option("--replace", is_flag=True, help="Replace a circuit of that name.")
@question_command
def circuit_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Choose a circuit: the few nodes that keep most of the influence in GRAPH.

    Features left out count as errors. Influence is the share of what flows into the logits that neither
    comes from one of them nor passes one; replacement and completeness are circuit-tracer's scores.

    \b
    Examples:
      circuit-atlas circuit dallas --nodes 20
      circuit-atlas circuit dallas --nodes 10 --keep replacement --to Austin
      circuit-atlas circuit dallas --name capital --replace
    """
    check_replace(options)
    return atlas.graph(graph).circuit(**options)


def check_replace(options: dict[str, Any]) -> None:
    """Refuse --replace where no circuit is stored."""
    if options["replace"] and options["name"] is None:
        raise click.UsageError("--replace needs --name.")
