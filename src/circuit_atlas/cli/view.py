"""`view`: draws a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, given_options
from circuit_atlas.cli.pages import finish, open_option
from circuit_atlas.cli.path_options import from_option, shown_paths_options, to_option
from circuit_atlas.cli.questions import complete_graphs, graph_or_collapsed

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Pictures and pages"


@click.command("view")
@graph_or_collapsed
@click.option(
    "-o",
    "--output",
    type=FILE_PATH,
    metavar="FILE",
    help="The file to write: .html, .png, .svg or .pdf.  [default: GRAPH.html]",
)
@open_option
@click.option("--paths", is_flag=True, help="Draw only the best paths, as a Sankey diagram.")
@click.option("--circuit", is_flag=True, help="Draw only the nodes of the best paths, as a figure for a paper.")
@click.option("--name", metavar="NAME", help="With --circuit: the stored circuit of this name.")
@click.option("--no-weights", is_flag=True, help="With --circuit: write no weights on the arrows.")
@click.option(
    "--compare",
    metavar="OTHER",
    shell_complete=complete_graphs,
    help="Overlay another graph, aligned as by `compare`.",
)
@from_option
@to_option
@shown_paths_options
@click.option("-k", "--k", type=click.IntRange(1, 100), default=10, show_default=True, help="How many paths.")
@click.option(
    "--max-nodes",
    type=click.IntRange(1, 10_000),
    default=2_000,
    show_default=True,
    help="At most this many nodes: of the best paths, tokens, logits, then the most influential.",
)
@atlas_command
def view_command(
    atlas: Atlas,
    graph: str,
    output: str | None,
    opened: bool,
    paths: bool,
    circuit: bool,
    name: str | None,
    no_weights: bool,
    compare: str | None,
    max_nodes: int,
    **options: Any,
) -> Result:
    """Draw GRAPH as an HTML page: layers up, positions across, the best paths over it.

    The page needs no network. Pointing at a node highlights its inputs and outputs with their weights. Nodes can be
    searched and pinned, weak edges and kinds of nodes hidden, supernodes collapsed.

    \b
    Examples:
      circuit-atlas view dallas --open
      circuit-atlas view dallas -o dallas.svg
      circuit-atlas view dallas --from Dallas --to Austin --max-hops 3 -k 5
      circuit-atlas view dallas --paths -k 20 --sign inhibiting
      circuit-atlas view dallas --circuit -k 5 -o dallas.pdf
      circuit-atlas view dallas --score mean --sign any --min-hops 1
      circuit-atlas view night --compare winter
    """
    from circuit_atlas.views.graph_page import file_name

    if paths + circuit + bool(compare) > 1:
        raise click.UsageError("--paths, --circuit and --compare cannot be combined.")
    if not circuit and (name is not None or no_weights):
        raise click.UsageError("--name and --no-weights need --circuit.")
    if (paths or circuit) and given_options("max_nodes"):
        raise click.UsageError("--max-nodes cannot be combined with --paths or --circuit.")
    handle = atlas.graph(graph)
    if paths or circuit:
        view = (
            handle.view_paths(**options) if paths else handle.view_circuit(name=name, weights=not no_weights, **options)
        )
    else:
        other = None if compare is None else atlas.graph(compare).name  # up to date, if it is a collapsed graph
        view = handle.view(compare=other, max_nodes=max_nodes, **options)
    result = view.save(output or f"{file_name(graph)}.html")
    finish(result.file, opened)
    return result
