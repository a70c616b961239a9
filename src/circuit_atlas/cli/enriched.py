"""`enriched`: what is over-represented in a set of graphs against a baseline."""

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


@click.command("enriched")
@some_graphs
@tags_option
@click.option("--baseline", "baseline_tags", multiple=True, metavar="TAG", help="Against graphs with this tag.")
@click.option("--baseline-graph", "baseline", multiple=True, metavar="GRAPH", help="Against this graph; repeatable.")
@click.option(
    "--by",
    type=click.Choice(["feature", "edge", "motif"]),
    default="feature",
    show_default=True,
    help="Transcoder features, direct effects, or motifs: effects between three features, or two and a logit.",
)
@click.option("--shape", type=click.Choice(SHAPES), help="With --by motif: the shape of the motifs.  [default: chain]")
@align_option(None, "With --by edge or motif:")
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals of the log odds.",
)
@strong_effects_options
@k_option
@atlas_command
def enriched_command(
    atlas: Atlas,
    graphs: tuple[str, ...],
    by: str,
    shape: str | None,
    align: str | None,
    min_weight: float,
    strongest: int | None,
    **options: Any,
) -> Result:
    """List what is over-represented in the graphs given against a baseline: features, direct effects or motifs.

    Each row has the number of graphs in both sets, the log odds ratio with its interval, and the p-value of Fisher's
    exact test, plain and corrected for the number of tests (q).

    \b
    Examples:
      circuit-atlas enriched --tag analogies --baseline-graph dallas
      circuit-atlas enriched dallas --baseline analogies -k 5
      circuit-atlas enriched dallas --baseline analogies --by edge -k 5
      circuit-atlas enriched dallas --baseline analogies --by motif --shape triangle -k 5
    """
    if by != "motif" and (shape is not None or min_weight or strongest is not None):
        raise click.UsageError("--shape, --min-weight and --strongest need --by motif.")
    if by == "motif":
        return atlas.enriched_motifs(
            *graphs,
            **options,
            shape=shape or SHAPES[0],
            align=align or "feature",
            min_weight=min_weight,
            strongest=strongest,
        )
    if by == "edge":
        return atlas.enriched_edges(*graphs, **options, align=align or "feature")
    if align is not None:
        raise click.UsageError("--align needs --by edge or motif: features are taken at any position.")
    return atlas.enriched_features(*graphs, **options)
