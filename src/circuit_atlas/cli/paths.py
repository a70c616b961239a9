"""`paths`: the best paths of a graph."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import (
    KIND,
    IntRange,
    atlas_command,
    edge_value_option,
    from_option,
    graph_or_collapsed,
    max_hops_option,
    score_option,
    to_option,
)

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result

GROUP = "Questions about a graph"


@click.command("paths")
@graph_or_collapsed
@from_option
@to_option
@max_hops_option
@click.option("-k", "--k", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many paths.")
@click.option(
    "--order",
    type=click.Choice(["strongest", "inhibiting"]),
    default="strongest",
    show_default=True,
    help="Largest score first, or smallest.",
)
@score_option
@edge_value_option
@click.option("--kind", "kinds", type=KIND, multiple=True, help="Pass only nodes of this kind; repeatable.")
@click.option(
    "--layer", "layers", type=IntRange(), multiple=True, help="Pass only these layers, 5 or 5-10; repeatable."
)
@click.option("--position", "positions", type=IntRange(), multiple=True, help="Pass only these positions; repeatable.")
@click.option("--avoid", multiple=True, metavar="NODE", help="Do not pass this node; repeatable.")
@click.option(
    "--must-pass",
    multiple=True,
    metavar="NODE",
    help="Pass this node; repeatable: all of them. The other restrictions must allow it.",
)
@click.option("--min-weight", type=click.FloatRange(0), default=0.0, help="Follow only edges of this |weight| or more.")
@atlas_command
def paths_command(
    atlas: Atlas, graph: str, layers: tuple[range, ...], positions: tuple[range, ...], **options: Any
) -> Result:
    """Find the paths of GRAPH with the best score; exact, inhibition included.

    \b
    Examples:
      circuit-atlas paths dallas
      circuit-atlas paths dallas --from Dallas --to Austin --max-hops 3 -k 5
      circuit-atlas paths dallas --to Austin --order inhibiting
      circuit-atlas paths dallas --score bottleneck --kind feature --min-weight 0.5
      circuit-atlas paths dallas --layer 10-20 --must-pass feature:20/44686@10
      circuit-atlas paths dallas --score sum --edge-value 'abs(weight)'
    """
    return atlas.graph(graph).paths(layers=[*chain(*layers)], positions=[*chain(*positions)], **options)
