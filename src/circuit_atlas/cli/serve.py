"""`serve`: circuit-tracer's own web page."""

from __future__ import annotations

import threading
import webbrowser

import click

from circuit_atlas.cli.options import open_atlas, store_option
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.pages import can_open
from circuit_atlas.cli.questions import complete_graphs
from circuit_atlas.schema.limits import EDGE_THRESHOLD, NODE_THRESHOLD

GROUP = "Pictures and pages"


@click.command("serve")
@click.argument("graphs", nargs=-1, required=True, metavar="GRAPH...", shell_complete=complete_graphs)
@click.option(
    "--node-threshold",
    type=click.FloatRange(0, 1),
    help=f"Show the nodes with this share of influence, if the graph is not pruned.  [default: {NODE_THRESHOLD}]",
)
@click.option(
    "--edge-threshold",
    type=click.FloatRange(0, 1),
    help=f"Show the edges with this share of influence, if the graph is not pruned.  [default: {EDGE_THRESHOLD}]",
)
@click.option("--port", type=click.IntRange(1, 65535), help="The port.  [default: 8041, or a free one]")
@click.option("--output", type=click.Path(file_okay=False), metavar="DIR", help="Keep the page's files in this folder.")
@click.option("--open", "open_page", is_flag=True, help="Open the page, if there is a screen.")
@store_option
def serve_command(
    graphs: tuple[str, ...],
    node_threshold: float | None,
    edge_threshold: float | None,
    port: int | None,
    output: str | None,
    open_page: bool,
    store: str | None,
) -> None:
    """Serve circuit-tracer's own web page on each GRAPH, on this machine alone, until Ctrl-C.

    Features that have explanations have pages. The page itself loads d3 and other libraries from the internet.

    \b
    Examples:
      circuit-atlas serve dallas night
      circuit-atlas serve dallas --port 8050 --open
    """
    with (
        open_atlas(store) as atlas,
        atlas.serve(
            *graphs, node_threshold=node_threshold, edge_threshold=edge_threshold, port=port, output=output
        ) as served,
    ):
        atlas.close()  # everything is in the files
        for note in served.notes:
            echo(f"Note: {note}", err=True)
        for url in served.urls:
            echo(url)
        echo("Press Ctrl-C to stop.", err=True)
        if open_page and can_open():
            webbrowser.open(served.urls[0])
        threading.Event().wait()
