"""`series`: graphs that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, tags_option
from circuit_atlas.cli.pages import check_page, open_option, write_page
from circuit_atlas.cli.path_options import minus_option
from circuit_atlas.cli.questions import complete_graphs, some_graphs
from circuit_atlas.schema.limits import SCORES, SHOWN_SCORE

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("series")
@some_graphs
@tags_option
@click.option("--feature", "features", multiple=True, metavar="FEATURE", help="Follow its influence; repeatable.")
@click.option(
    "--must-pass", multiple=True, metavar="NODE", help="Follow the best path through these nodes; repeatable."
)
@click.option(
    "--score",
    type=click.Choice(SCORES),
    help="With --must-pass: mean or sum of weights, the weakest link, or the product of normalised weights.  "
    f"[default: {SHOWN_SCORE}]",
)
@click.option("--circuit", metavar="NAME", help="Follow the scores of this stored circuit; with --of.")
@click.option("--of", metavar="GRAPH", shell_complete=complete_graphs, help="The graph that has the circuit.")
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="LOGIT",
    help="Measure influence on this logit, and end paths there; repeatable.  [default: all; paths: the most probable]",
)
@minus_option
@click.option(
    "-k",
    "--k",
    type=click.IntRange(1, 100),
    help="How many features, where nothing is named to follow.  [default: 5]",
)
@click.option("--page", type=FILE_PATH, metavar="FILE", help="Draw the lines: .html, .png, .svg or .pdf.")
@open_option
@atlas_command
def series_command(atlas: Atlas, graphs: tuple[str, ...], page: str | None, opened: bool, **options: Any) -> Result:
    """Follow features, a path or a circuit along the graphs given.

    Graphs are in the order given; those of a tag follow by name, `capital@9` before `capital@10`. `attribute
    --each-position` makes such graphs of one prompt. Without anything to follow, the features whose influence changes
    most are shown. --circuit NAME --of GRAPH follows the scores of a circuit that GRAPH has.

    \b
    Examples:
      circuit-atlas series night winter dallas
      circuit-atlas series --tag analogies --feature 1/72774 --feature 0/5200 --page analogies.html
      circuit-atlas series --tag analogies --must-pass 1/72774 --score mean
      circuit-atlas series night winter dallas --feature 1/72774 --to logit:1 --minus logit:2
    """
    check_page(page, opened)
    found = atlas.series(*graphs, **options)
    if page is not None:
        write_page(atlas.view_series(found), page, opened)
    return found
