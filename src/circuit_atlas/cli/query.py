"""`query`: the catalogue, and any Cypher statement."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, complete_queries
from circuit_atlas.cli.output import echo
from circuit_atlas.cypher_text import is_cypher
from circuit_atlas.schema.limits import MAX_HOPS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.queries.catalogue import CatalogueQuery
    from circuit_atlas.results.answer import Result

GROUP = "Cypher and the server"


def _list(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from circuit_atlas.queries.catalogue import public_queries

    for query in public_queries():
        echo(f"{query.id:<22} {query.answers}")
    ctx.exit()


def _show(ctx: click.Context, _option: click.Parameter, query_id: str | None) -> None:
    if query_id is None:
        return
    from circuit_atlas.queries.catalogue import find_query

    query, hops = find_query(query_id), ctx.params["hops"]
    values = parse_parameters(ctx.params["parameters"], query_id)
    if hops is not None:
        name = next((p.name for p in query.parameters if p.name in ("hops", "max_hops")), None)
        if name is None:
            raise click.BadParameter(f"{query_id} has no hops", param_hint="--hops")
        if name in values:
            raise click.BadParameter(f"{name} is given with -p, too", param_hint="--hops")
        values[name] = hops
    echo(_pastable(query, values, ctx.params["visual"]), nl=False)
    ctx.exit()


def _pastable(query: CatalogueQuery, values: dict[str, Any], visual: bool) -> str:
    """A query's header, its parameters as a command of Neo4j Browser, and its statement."""
    from circuit_atlas.cypher_text import pastable
    from circuit_atlas.queries.catalogue import DIALECT, used_parameters

    values = query.with_defaults(values)
    text = query.visual() if visual else query.cypher()
    header, dialect, statement = text.partition(DIALECT)
    used = used_parameters(statement)
    values = {name: value for name, value in values.items() if name in used}
    missing = [p.name for p in query.parameters if p.required and p.name in used and values[p.name] is None]
    note = f"// Replace null below: {', '.join(missing)}.\n" if missing else ""
    return header + note + pastable(dialect + statement, values)


class QueryCommand(click.Command):
    """`query`, of which `--list` and `--show` print text."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. `--list` and `--show` end the program before other options are looked at."""
        printing = {"--list", "--show"}.intersection(word.partition("=")[0] for word in args)
        if printing and {"--json", "--csv"}.intersection(args):
            raise click.UsageError(f"{min(printing)} prints text; it cannot be combined with --json or --csv.", ctx)
        words = {word.partition("=")[0] for word in args}
        plan = {"--explain", "--profile"} & words
        if plan and (other := {"--json", "--csv", "--table", "--rows"} & words):
            raise click.UsageError(f"{min(plan)} prints text; it cannot be combined with {min(other)}.", ctx)
        return super().parse_args(ctx, args)


@click.command("query", cls=QueryCommand)
@click.argument("query", shell_complete=complete_queries)
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    is_eager=True,
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
    "--hops", is_eager=True, type=click.IntRange(1, MAX_HOPS), help="With --show, print it for this many hops."
)
@click.option(
    "--show",
    expose_value=False,
    callback=_show,
    metavar="ID",
    shell_complete=complete_queries,
    help="Print a query of the catalogue and its parameters, ready to be pasted into Neo4j Browser.",
)
@atlas_command
def query_command(
    atlas: Atlas,
    query: str,
    parameters: tuple[str, ...],
    plan: str | None,
    write: bool,
    visual: bool,
    hops: int | None,
) -> Result | None:
    """Run QUERY: the id of a query of the catalogue, a Cypher statement, or - to read one from stdin.

    \b
    Examples:
      circuit-atlas query --list
      circuit-atlas query --show paths.top_k
      circuit-atlas query --show paths.strongest --hops 3 -p graph=dallas
      circuit-atlas query --show paths.top_k --visual
      circuit-atlas query nodes.tokens -p graph=dallas
      circuit-atlas query "MATCH (g:Graph) RETURN g.name, g.edges LIMIT 5"
      circuit-atlas query nodes.tokens -p graph=dallas --profile
    """
    if visual or hops:
        raise click.UsageError("--visual and --hops need --show ID.")
    values = parse_parameters(parameters, query)
    if plan and write:
        raise click.UsageError("--write cannot be combined with --explain or --profile.")
    if plan:
        echo(atlas.plan(_text(query), values, profile=plan == "PROFILE"))
        return None
    if query == "-" or is_cypher(query):
        return atlas.cypher(_text(query), values, write=write)
    if write:
        raise click.UsageError("--write needs a Cypher statement; queries of the catalogue only read.")
    return atlas.query(query, values)


def _text(query: str) -> str:
    try:
        return sys.stdin.read() if query == "-" else query
    except UnicodeDecodeError as error:
        raise click.UsageError("Standard input is not UTF-8 text.") from error


def parse_parameters(texts: Iterable[str], query: str | None) -> dict[str, Any]:
    """Names and values of `NAME=VALUE`. A value is JSON, or text.

    Where a query of the catalogue takes a text, the value stays as it is written, unless it is JSON in quotes, or null
    where that is the default: a graph may be called `2024` or `true`.
    """
    from circuit_atlas.queries.catalogue import catalogue

    found = catalogue().get(query or "")
    parameters = found.parameters if found else ()
    of_text = {parameter.name for parameter in parameters if parameter.type == "STRING"}
    or_null = {parameter.name for parameter in parameters if not parameter.required and parameter.default is None}
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
        if name in values:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="--param")
        is_json = value.startswith('"') or (value == "null" and name in or_null)
        values[name] = value if name in of_text and not is_json else _json_or_text(value)
    return values


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
