"""`report`: writes a page on a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command
from circuit_atlas.cli.pages import finish, open_option
from circuit_atlas.cli.path_options import circuit_option, shown_paths_options
from circuit_atlas.cli.questions import graph_or_collapsed

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Pictures and pages"


@click.command("report")
@graph_or_collapsed
@click.option(
    "-o",
    "--output",
    type=FILE_PATH,
    metavar="FILE",
    help="The file to write: .html or .md.  [default: GRAPH-report.html]",
)
@open_option
@click.option("-k", "--k", type=click.IntRange(1, 100), default=15, show_default=True, help="How many nodes and paths.")
@shown_paths_options
@circuit_option
@atlas_command
def report_command(atlas: Atlas, graph: str, output: str | None, opened: bool, **options: Any) -> Result:
    """Write a page on GRAPH: prompt, statistics, scores, most probable logits, most influential nodes, best paths,
    picture.

    \b
    Examples:
      circuit-atlas report dallas --open
      circuit-atlas report dallas -o dallas.md
      circuit-atlas report dallas --sign inhibiting --kind feature --hops 3
    """
    from circuit_atlas.views.graph_page import file_name

    result = atlas.graph(graph).report(**options).save(output or f"{file_name(graph)}-report.html")
    finish(result.files[0], opened)
    return result
