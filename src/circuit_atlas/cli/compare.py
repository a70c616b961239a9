"""`compare`: two graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import align_option, atlas_command
from circuit_atlas.cli.path_options import circuit_option, contrast_options, shown_paths_options
from circuit_atlas.cli.questions import complete_graphs
from circuit_atlas.schema.limits import MAX_NEIGHBORS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("compare")
@click.argument("a", shell_complete=complete_graphs)
@click.argument("b", shell_complete=complete_graphs)
@align_option("relative")
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NODE",
    help="Node that paths lead to and that influence is measured on; several with --minus or --weight.  "
    "[default: the logits]",
)
@contrast_options
@click.option(
    "-k",
    "--k",
    type=click.IntRange(1, MAX_NEIGHBORS),
    default=10,
    show_default=True,
    help="At most this many nodes, effects and paths of each kind; totals are exact.",
)
@shown_paths_options
@circuit_option
@atlas_command
def compare_command(atlas: Atlas, a: str, b: str, **options: Any) -> Result:
    """Compare graphs A and B: the nodes, direct effects and best paths that both have, and that only one has.

    Nodes are the same if their transcoder feature (errors: layer; tokens: text; logits: vocabulary entry) and their
    position, as --align counts it, are the same.

    \b
    Examples:
      circuit-atlas compare night winter
      circuit-atlas compare night winter --align feature -k 3
      circuit-atlas compare night winter --sign inhibiting --max-hops 3
      circuit-atlas compare night dallas --to logit:1 --minus logit:2 -k 3
    """
    return atlas.compare(a, b, **options)
