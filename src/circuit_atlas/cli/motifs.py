"""`motifs`: signed shapes of three nodes, against random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, strong_effects_options, tags_option, together
from circuit_atlas.cli.questions import some_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("motifs")
@some_graphs
@tags_option
@together(
    click.option(
        "--random",
        type=click.IntRange(2, 10_000),
        default=100,
        show_default=True,
        metavar="N",
        help="Compare each graph with N random graphs.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default=True,
        help="The same seed gives the same numbers.",
    ),
)
@strong_effects_options
@atlas_command
def motifs_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """Count each signed shape of three nodes in the graphs given, and in random graphs like them.

    Shapes are chains, fan-ins, fan-outs and feed-forward triangles. Each effect promotes (+) or inhibits (-). Random
    graphs keep the inputs and outputs of each node by sign, the order of layers, and that of positions.

    \b
    Examples:
      circuit-atlas motifs dallas --random 40
      circuit-atlas motifs --tag analogies --strongest 500 --random 40
    """
    return atlas.motifs(*graphs, **options)
