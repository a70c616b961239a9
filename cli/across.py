"""`compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from circuit_atlas.cli.options import asks, complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.schema.answer import Answer

_DEFAULT: dict[str, Any] = {"show_default": True}


@click.command("compare")
@click.argument("a", shell_complete=complete_graphs)
@click.argument("b", shell_complete=complete_graphs)
@click.option(
    "--align", type=click.Choice(["relative", "exact", "feature"]), default="relative", **_DEFAULT,
    help="Count positions from the end of the prompt, from its start, or not at all.",
)  # fmt: skip
@click.option(
    "-k", "--k", type=click.IntRange(1, 10_000), default=10, **_DEFAULT,
    help="How many nodes, effects and paths of each kind; totals are exact.",
)  # fmt: skip
@click.option("--max-hops", type=click.IntRange(1, 12), default=4, **_DEFAULT, help="Most edges of a path.")
@click.option(
    "--score", type=click.Choice(["mean", "sum", "bottleneck", "product"]), default="mean", **_DEFAULT,
    help="What paths are ranked by, as for `paths`.",
)  # fmt: skip
@asks
def compare_command(atlas: Atlas, a: str, b: str, **options: Any) -> Answer:
    """Lay graph B over graph A: the nodes, direct effects and best paths that both have, and that only one has.

    Nodes are the same when their transcoder feature is (errors: layer; tokens: text; logits: vocabulary entry) and
    their position, as --align counts it.

    \b
    Examples:
      circuit-atlas compare dallas oakland
      circuit-atlas compare dallas oakland --align feature -k 3
      circuit-atlas compare dallas oakland --score product --max-hops 3
    """
    return atlas.compare(a, b, **options)
