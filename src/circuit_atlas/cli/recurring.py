"""`recurring`: features and motifs that recur in most graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, k_option, some_graphs, tags_option

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("recurring")
@some_graphs
@tags_option
@click.option(
    "--share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="In at least this share of the graphs."
)
@click.option(
    "--width",
    type=click.IntRange(1, 10),
    default=3,
    show_default=True,
    help="Strongest effects of each node that a motif may use.",
)
@k_option
@atlas_command
def recurring_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """List the features and two-hop motifs that recur in most of the graphs given, or of all graphs.

    \b
    Examples:
      circuit-atlas recurring night winter -k 5
      circuit-atlas recurring --tag analogies --share 0.8
    """
    return atlas.recurring(*graphs, **options)
