"""`query`: the catalogue, and any Cypher statement."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, complete_queries

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result


def _list(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from circuit_atlas.queries.catalogue import catalogue

    for query in catalogue().values():
        click.echo(f"{query.id:<22} {query.answers}")
    ctx.exit()


def _show(ctx: click.Context, _option: click.Parameter, query_id: str | None) -> None:
    if query_id is None:
        return
    from circuit_atlas.queries.catalogue import find_query

    query = find_query(query_id)
    click.echo(query.visual() if ctx.params["visual"] else query.text, nl=False)
    ctx.exit()


@click.command("query")
@click.argument("query", shell_complete=complete_queries)
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter; VALUE is JSON, or text; repeatable.",
)
@click.option("--explain", "plan", flag_value="EXPLAIN", help="Show the plan without running the query.")
@click.option(
    "--profile", "plan", flag_value="PROFILE", help="Run the query and show the plan with rows and database hits."
)
@click.option("--write", is_flag=True, help="Let the statement change the database.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the catalogue.")
@click.option("--visual", is_eager=True, is_flag=True, help="With --show, the form that Neo4j Browser draws.")
@click.option(
    "--show",
    expose_value=False,
    callback=_show,
    metavar="ID",
    shell_complete=complete_queries,
    help="Print a query of the catalogue, for Neo4j Browser.",
)
@atlas_command
def query_command(
    atlas: Atlas, query: str, parameters: tuple[str, ...], plan: str | None, write: bool, visual: bool
) -> Result | None:
    """Run QUERY: the id of a query of the catalogue, a Cypher statement, or - for one on stdin.

    \b
    Examples:
      circuit-atlas query --list
      circuit-atlas query --show paths.top_k
      circuit-atlas query --show paths.top_k --visual
      circuit-atlas query nodes.tokens -p graph=dallas
      circuit-atlas query "MATCH (g:Graph) RETURN g.name, g.edges LIMIT 5"
      circuit-atlas query nodes.tokens -p graph=dallas --profile
    """
    if visual:
        raise click.UsageError("--visual goes with --show ID.")
    values = dict(parse_parameter(text) for text in parameters)
    if plan:
        click.echo(atlas.plan(_text(query), values, profile=plan == "PROFILE"))
        return None
    if _is_cypher(query):
        return atlas.cypher(_text(query), values, write=write)
    return atlas.query(query, values)


def _is_cypher(query: str) -> bool:
    return query == "-" or any(character.isspace() for character in query)


def _text(query: str) -> str:
    return sys.stdin.read() if query == "-" else query


def parse_parameter(text: str) -> tuple[str, Any]:
    """Name and value of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
