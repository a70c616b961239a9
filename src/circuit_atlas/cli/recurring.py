"""`recurring`: features and motifs that recur in most graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import align_option, atlas_command, k_option, strong_effects_options, tags_option
from circuit_atlas.cli.questions import some_graphs
from circuit_atlas.schema.limits import SHAPES

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
    help="Strongest effects of each node that a motif may use.  [default: 3]",
)
@click.option("--shape", type=click.Choice(SHAPES), help="Instead: all motifs of this shape, of signed effects.")
@align_option(None, "With --shape:")
@strong_effects_options
@k_option
@atlas_command
def recurring_command(
    atlas: Atlas,
    graphs: tuple[str, ...],
    width: int | None,
    shape: str | None,
    align: str | None,
    min_weight: float,
    strongest: int | None,
    **options: Any,
) -> Result:
    """List the features and two-hop motifs that recur in most of the graphs given, or of all graphs.

    With --shape: all motifs of this shape, of three features, or of two and the predicted token, with the signs of
    their effects.

    \b
    Examples:
      circuit-atlas recurring night winter -k 5
      circuit-atlas recurring --tag analogies --share 0.8
      circuit-atlas recurring --tag analogies --shape fan-in -k 5
    """
    if shape is None:
        if align is not None or min_weight or strongest is not None:
            raise click.UsageError("--align, --min-weight and --strongest need --shape.")
        return atlas.recurring(*graphs, **options, width=3 if width is None else width)
    if width is not None:
        raise click.UsageError("--width cannot be combined with --shape; --strongest leaves out weak effects.")
    return atlas.recurring_motifs(
        *graphs, **options, shape=shape, align=align or "feature", min_weight=min_weight, strongest=strongest
    )
