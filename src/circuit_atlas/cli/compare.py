"""`compare`: two graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import SCORE, atlas_command, complete_graphs
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_HOPS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result

GROUP = "Questions across prompts"


@click.command("compare")
@click.argument("a", shell_complete=complete_graphs)
@click.argument("b", shell_complete=complete_graphs)
@click.option(
    "--align",
    type=click.Choice(["relative", "exact", "feature"]),
    default="relative",
    show_default=True,
    help="Count positions from the end of the prompt, from its start, or not at all.",
)
@click.option(
    "-k",
    "--k",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="At most this many nodes, effects and paths of each kind; totals are exact.",
)
@click.option(
    "--max-hops",
    type=click.IntRange(1, MAX_HOPS),
    default=DEFAULT_HOPS,
    show_default=True,
    help="Most edges of a path.",
)
@click.option(
    "--score",
    type=SCORE,
    default="mean",
    show_default=True,
    help="The score that ranks paths, as for `paths`.",
)
@atlas_command
def compare_command(atlas: Atlas, a: str, b: str, **options: Any) -> Result:
    """Compare graphs A and B: the nodes, direct effects and best paths that both have, and that only one has.

    Nodes are the same if their transcoder feature (errors: layer; tokens: text; logits: vocabulary entry) and their
    position, as --align counts it, are the same.

    \b
    Examples:
      circuit-atlas compare night winter
      circuit-atlas compare night winter --align feature -k 3
      circuit-atlas compare night winter --score product --max-hops 3
    """
    return atlas.compare(a, b, **options)
