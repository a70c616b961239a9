"""`browse`: Neo4j Browser, with a picture ready to be drawn."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from circuit_atlas.cli.options import FILE_PATH, complete_queries, open_atlas, store_option
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.pages import can_open
from circuit_atlas.cli.query import parse_parameters
from circuit_atlas.cli.questions import complete_graphs

GROUP = "Pictures and pages"


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [*complete_queries(ctx, parameter, incomplete), *complete_graphs(ctx, parameter, incomplete)]


@click.command("browse")
@click.argument("what", required=False, metavar="[GRAPH|QUERY]", shell_complete=_complete)
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the query; VALUE is JSON, or text; repeatable.",
)
@click.option("--print", "print_only", is_flag=True, help="Print the address; open nothing.")
@click.option("--browser-url", metavar="URL", help="Address of Neo4j Browser.  [default: the server's own]")
@click.option(
    "--style",
    type=FILE_PATH,
    metavar="FILE.grass",
    help="Write the style sheet; drop it onto Browser once.",
)
@click.option(
    "--favorites",
    type=FILE_PATH,
    metavar="FILE.zip",
    help="Write the catalogue as favourites for GRAPH; drop the file onto Browser once.",
)
@store_option
def browse_command(
    what: str | None,
    parameters: tuple[str, ...],
    print_only: bool,
    browser_url: str | None,
    style: str | None,
    favorites: str | None,
    store: str | None,
) -> None:
    """Open Neo4j Browser with a picture ready to be drawn: a GRAPH, the result of a QUERY of
    the catalogue or of a Cypher statement, or all graphs.

    Prints the address, and opens it if there is a screen. Browser asks for the password once.

    \b
    Examples:
      circuit-atlas browse dallas
      circuit-atlas browse neighbors.direct -p graph=dallas -p key=logit:22605@10 --print
      circuit-atlas browse dallas --style circuit-atlas.grass --favorites circuit-atlas.zip
    """
    with open_atlas(store) as atlas:
        page = atlas.browse(what, parse_parameters(parameters, what), browser_url=browser_url)
    _write(style, favorites, page.graph)
    echo(page.url)
    secret = f"in {page.password_file}" if page.password_file else "the value of NEO4J_PASSWORD"
    echo(f"username  {page.username}\npassword  {secret}", err=True)
    if not print_only and can_open():
        webbrowser.open(page.url)


def _write(style: str | None, favorites: str | None, graph: str | None) -> None:
    from circuit_atlas.views.browser import write_favorites, write_style

    if style:
        write_style(Path(style))
        echo(f"Wrote {style}: drop it onto Browser.", err=True)
    if favorites:
        number = write_favorites(Path(favorites), graph)
        echo(f"Wrote {number} favourites to {favorites}: drop it onto Browser.", err=True)
