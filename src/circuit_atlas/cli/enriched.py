"""`enriched`: what is over-represented in a set of graphs against a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, k_option, some_graphs, tags_option

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
    type=click.Choice(["feature", "edge"]),
    default="feature",
    show_default=True,
    help="Transcoder features, or direct effects.",
)
@click.option(
    "--align",
    type=click.Choice(["relative", "exact", "feature"]),
    help="With --by edge: positions from the end (relative), from the start, or not at all (the default).",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals of the log odds.",
)
@k_option
@atlas_command
def enriched_command(atlas: Atlas, graphs: tuple[str, ...], by: str, align: str | None, **options: Any) -> Result:
    """List the features, or direct effects, that are over-represented in the graphs given against a baseline.

    For each: in how many graphs of both sets it is, the log odds ratio with its interval, and the p-value of Fisher's
    exact test, plain and corrected for the number of tests (q).

    \b
    Examples:
      circuit-atlas enriched --tag analogies --baseline-graph dallas
      circuit-atlas enriched dallas --baseline analogies -k 5
      circuit-atlas enriched dallas --baseline analogies --by edge -k 5
    """
    if by == "edge":
        return atlas.enriched_edges(*graphs, **options, align=align or "feature")
    if align is not None:
        raise click.UsageError("--align goes with --by edge: features are taken at any position.")
    return atlas.enriched_features(*graphs, **options)
