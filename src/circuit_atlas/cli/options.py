"""Options that commands share: which database, and how results are printed."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from circuit_atlas.arguments import parse_range
from circuit_atlas.errors import AtlasError
from circuit_atlas.printable import printable, printable_json
from circuit_atlas.schema.keys import Kind, collapsed_name
from circuit_atlas.schema.limits import (
    ALIGNMENTS,
    DEFAULT_HOPS,
    DEFAULT_TIMEOUT,
    MAX_HOPS,
    MAX_NEIGHBORS,
    MEASURES,
    SCORES,
    SHOWN_MIN_HOPS,
    SHOWN_SCORE,
    SHOWN_SIGN,
    SIMILAR_BY,
)
from circuit_atlas.suggestions import did_you_mean

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

F = TypeVar("F", bound=Callable[..., Any])


class CommandGroup(click.Group):
    """A group of commands that names the command which is meant, when one does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that name."""
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            suggestion = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"No such command {args[0]!r}. {suggestion}".rstrip(), ctx)
        return super().resolve_command(ctx, args)

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """Names of commands by the headings under which `--help` lists them."""
        return {"Commands": self.list_commands(ctx)}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its first sentence. It is wrapped; click would cut it off."""
        for title, names in self.sections(ctx).items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl([(name, _first_sentence(command)) for name, command in commands if command])


def _first_sentence(command: click.Command) -> str:
    text = command.help or ""
    return command.get_short_help_str(limit=len(text) + 1)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator for several options, which `--help` lists in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def store_option(command: F) -> F:
    """`--store`: the local store."""
    option = click.option(
        "--store",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Directory of the local store, even if NEO4J_URI is set.  [env: CIRCUIT_ATLAS_STORE]",
    )
    return option(command)


json_or_table = together(
    click.option("--json", "output_format", flag_value="json", help="Print JSON; the default in a pipe."),
    click.option("--table", "output_format", flag_value="table", help="Print a table; the default on a terminal."),
)
format_options = together(
    json_or_table,
    click.option("--csv", "output_format", flag_value="csv", help="Print data as CSV: a row for each thing."),
    click.option("--rows", metavar="KIND", help="With --csv: what a row is, where there are several kinds of things."),
)
# How a graph file is read: thresholds, and what the file does not name.
reader_options = together(
    click.option(
        "--node-threshold", type=click.FloatRange(0, 1), help="Prune a .pt to the nodes with this share of influence."
    ),
    click.option(
        "--edge-threshold", type=click.FloatRange(0, 1), help="Prune a .pt to the edges with this share of influence."
    ),
    click.option("--model", help="The language model, if the file does not name it."),
    click.option("--source-set", help="The set of transcoders, if the file does not name it."),
    click.option("--tokenizer", help="Name or path of the tokenizer that turns a .pt's token ids into text."),
)


def atlas_command(command: Callable[..., Result | None]) -> Callable[..., None]:
    """Give a command an open `Atlas` as first argument and print the result that it returns.

    Adds --json, --table, --csv, --rows, --show-cypher, --timeout and --store.
    """

    @wraps(command)
    def run(
        *args: Any,
        store: str | None,
        timeout: float,
        show_cypher: bool,
        output_format: str | None,
        rows: str | None,
        **kwargs: Any,
    ) -> None:
        check_rows(output_format, rows)
        tracer = (lambda text: echo(text + "\n", err=True)) if show_cypher else None
        with open_atlas(store, timeout=timeout, tracer=tracer) as atlas:
            result = command(atlas, *args, **kwargs)
        if result is not None:
            print_result(result, output_format, rows)

    options = together(
        format_options,
        click.option("--show-cypher", is_flag=True, help="Print every statement to stderr, for Neo4j Browser."),
        click.option(
            "--timeout",
            type=click.FloatRange(0, 86_400, min_open=True),
            default=DEFAULT_TIMEOUT,
            show_default=True,
            metavar="SECONDS",
            help="Time limit of each query, enforced by the server.",
        ),
        store_option,
    )
    return options(run)


def open_atlas(store: str | None, **settings: Any) -> Atlas:
    """Open the database that the environment or `--store` names; a local server is started and keeps running."""
    import_driver()
    from circuit_atlas.client import Atlas

    return Atlas(store=store, progress=True, **settings)


def import_driver() -> None:
    """Import Neo4j's driver without numpy, pandas and pyarrow, which it imports if they are installed. That takes a
    second and lets parameters be arrays and results be data frames, which no command uses."""
    absent = [package for package in ("numpy", "pandas", "pyarrow") if package not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    import neo4j  # noqa: F401

    for package in absent:
        del sys.modules[package]


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, with control characters escaped. Commands print by nothing else."""
    click.echo(printable(text), err=err, nl=nl)


def check_rows(output_format: str | None, rows: str | None) -> None:
    """Refuse --rows without --csv."""
    if rows is not None and output_format != "csv":
        raise click.UsageError("--rows goes with --csv.")


def print_result(result: Result, output_format: str | None, rows: str | None = None) -> None:
    """Print a result to stdout: in the format given, else as a table on a terminal and as JSON elsewhere. Its notes go
    to stderr. A result that reports failures ends the program with its exit code."""
    output_format = output_format or ("table" if sys.stdout.isatty() else "json")
    if output_format == "json":
        echo(result.to_json(indent=2))
    elif output_format == "csv":
        columns, found = result.data(rows)
        cells = ([_cell(row[column]) for column in columns] for row in found)
        buffer = io.StringIO()
        csv.writer(buffer).writerows([map(printable, columns), *cells])
        click.echo(buffer.getvalue(), nl=False)  # lines of CSV end in a carriage return, which must stay
    else:
        echo(str(result.model_copy(update={"notes": []})))
    for note in result.notes:
        echo(f"Note: {note}", err=True)
    if result.exit_code:
        raise click.exceptions.Exit(result.exit_code)


def _cell(value: Any) -> Any:
    """A value as CSV has it: numbers in full, lists and mappings as JSON."""
    if isinstance(value, list | dict):
        return printable_json(json.dumps(value, ensure_ascii=False, default=str))
    return printable(value) if isinstance(value, str) else value


class IntRange(click.ParamType[range]):
    """`5`, `5-10`, or `-1` for the last position."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The integers of a range."""
        found = parse_range(value)
        if found is None:
            self.fail(f"{value!r} is not a number or a range such as 5-10", param, ctx)
        return found


def complete_graphs(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of graphs, for shell completion; none if no server runs."""
    logging.getLogger("circuit_atlas").setLevel(logging.ERROR)  # a warning would end up in the line being typed
    import_driver()
    from circuit_atlas.database import Database
    from circuit_atlas.queries.graphs import list_graphs
    from circuit_atlas.server import running_connection

    try:
        connection = running_connection(ctx.params.get("store"))
        if connection is None:
            return []
        with Database(connection) as database:
            names = [summary.graph for summary in list_graphs(database).graphs]
    except AtlasError:
        return []
    # A database of others may have names that a terminal must not get.
    return [name for name in names if name.startswith(incomplete) and name == printable(name)]


def complete_queries(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the catalogue's queries, for shell completion."""
    from circuit_atlas.queries.catalogue import public_queries

    return [query.id for query in public_queries() if query.id.startswith(incomplete)]


graph_argument = click.argument("graph", shell_complete=complete_graphs)


def graph_or_collapsed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument GRAPH, and `--collapsed`, which replaces it by GRAPH:collapsed."""

    @wraps(command)
    def run(*args: Any, graph: str, collapsed: bool, **kwargs: Any) -> Any:
        if collapsed:
            graph = collapsed_name(graph)
        return command(*args, graph=graph, **kwargs)

    option = click.option("--collapsed", is_flag=True, help="Use the graph collapsed by its supernodes.")
    return graph_argument(option(run))


class Several(NamedTuple):
    """The graphs that are asked instead of GRAPH."""

    names: tuple[str, ...]
    tags: tuple[str, ...]


class Question(click.Command):
    """A question about GRAPH; or, with `--tag` or `--graph`, about each of several graphs, and then without GRAPH."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Instead of several graphs, GRAPH is an empty text."""
        options = args[: args.index("--")] if "--" in args else args
        if not any(word.partition("=")[0] in ("--tag", "--graph") for word in options):
            return super().parse_args(ctx, args)
        try:
            return super().parse_args(ctx, ["", *args])
        except click.UsageError as error:
            told = f"{error.format_message()} With --tag or --graph, there is no GRAPH."
            raise click.UsageError(told, ctx) from error


def graph_or_several(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument GRAPH and `--collapsed`, and options for several graphs instead. See `question_command`."""

    @wraps(command)
    def run(*args: Any, graph: str, collapsed: bool, names: tuple[str, ...], tags: tuple[str, ...], **rest: Any) -> Any:
        if not names and not tags:
            return command(*args, graph=collapsed_name(graph) if collapsed else graph, **rest)
        if collapsed:
            raise click.UsageError("--collapsed goes with one GRAPH.")
        return command(*args, graph=Several(names, tags), **rest)

    options = together(
        click.option("--collapsed", is_flag=True, help="Use the graph collapsed by its supernodes."),
        click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="TAG",
            help="Instead of GRAPH: each graph with this tag but aggregates and collapsed graphs; repeatable.",
        ),
        click.option(
            "--graph",
            "names",
            multiple=True,
            metavar="NAME",
            shell_complete=complete_graphs,
            help="Instead of GRAPH: the graph of this name; repeatable.",
        ),
    )
    return graph_argument(options(run))


def question_command(command: Callable[..., Result]) -> Callable[..., None]:
    """As `atlas_command`, for a question about one graph, which can be put to each of several."""

    @wraps(command)
    def ask(atlas: Atlas, graph: str | Several, best_of_all: bool = False, **arguments: Any) -> Result:
        if isinstance(graph, str):
            if best_of_all:
                raise click.UsageError("--best-of-all goes with --tag or --graph.")
            return command(atlas, graph, **arguments)
        nodes = arguments.get("nodes")
        first = nodes[0] if isinstance(nodes, tuple) and nodes else None
        if any(summary.graph == first for summary in atlas.graphs()):
            raise click.UsageError(f"{first!r} is a graph. With --tag or --graph, there is no GRAPH.")
        answers = atlas.each(*graph.names, tags=graph.tags).ask(lambda one: command(atlas, one.name, **arguments))
        return answers.best(arguments["k"] or DEFAULT_ROWS) if best_of_all else answers

    return atlas_command(ask)


# Options and arguments that several commands have.
DEFAULT_ROWS = 20
best_of_all_option = click.option(
    "--best-of-all", is_flag=True, help="With --tag or --graph: the best K of all graphs together, not of each."
)
some_graphs = click.argument("graphs", nargs=-1, metavar="[GRAPH...]", shell_complete=complete_graphs)
new_tags_option = click.option("--tag", "tags", multiple=True, help="Tag of the graphs; repeatable.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Overwrite the file.")
tags_option = click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="All graphs with this tag but aggregates and collapsed graphs; repeatable.",
)
k_option = click.option(
    "-k",
    "--k",
    type=click.IntRange(1, MAX_NEIGHBORS),
    default=DEFAULT_ROWS,
    show_default=True,
    help="Maximum number of results.",
)
# Which direct effects motifs are made of.
strong_effects_options = together(
    click.option(
        "--min-weight",
        type=click.FloatRange(0),
        default=0.0,
        metavar="X",
        help="Leave out effects with a |weight| below X.",
    ),
    click.option(
        "--strongest", type=click.IntRange(1), metavar="N", help="Only the N strongest effects of each graph."
    ),
)
# What is compared of graphs, and how.
similarity_options = together(
    click.option(
        "--by",
        type=click.Choice(SIMILAR_BY),
        default="feature",
        show_default=True,
        help="Compare the influence of features, or direct effects of features on features.",
    ),
    click.option(
        "--measure",
        type=click.Choice(MEASURES),
        default="jaccard",
        show_default=True,
        help="Weighted Jaccard, or cosine of the signed weights.",
    ),
    click.option(
        "--align",
        type=click.Choice(ALIGNMENTS),
        default="feature",
        show_default=True,
        help="Count positions from the end of the prompt, from its start, or not at all.",
    ),
)
from_option = click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="NODE",
    help="Node where paths begin; repeatable.  [default: all tokens]",
)
to_option = click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NODE",
    help="Node where paths end; repeatable.  [default: the most probable logit]",
)
account_for_option = click.option(
    "--to", "targets", multiple=True, metavar="NODE", help="Node to account for; repeatable.  [default: all logits]"
)


def _weights_by_node(
    _ctx: click.Context, _parameter: click.Parameter, given: tuple[tuple[str, float], ...]
) -> dict[str, float]:
    weights = dict(given)
    if len(weights) < len(given):
        raise click.BadParameter("two weights are given for one node.")
    return weights


contrast_options = together(
    click.option(
        "--minus",
        multiple=True,
        metavar="NODE",
        help="Subtract this node from the target; repeatable.",
    ),
    click.option(
        "--weight",
        "weights",
        type=(str, float),
        multiple=True,
        metavar="NODE NUMBER",
        callback=_weights_by_node,
        help="Weight of a node in the sum of targets; repeatable.  [default: 1]",
    ),
)


def _hops(fewest: int) -> Callable[[F], F]:
    return together(
        click.option(
            "--max-hops",
            type=click.IntRange(1, MAX_HOPS),
            default=DEFAULT_HOPS,
            show_default=True,
            help="Maximum number of edges of a path.",
        ),
        click.option(
            "--min-hops",
            type=click.IntRange(1, MAX_HOPS),
            default=fewest,
            show_default=True,
            help="Minimum number of edges of a path.",
        ),
        click.option("--hops", type=click.IntRange(1, MAX_HOPS), help="Paths of exactly this many edges."),
    )


hops_options = _hops(1)


def _score(default: str) -> Callable[[F], F]:
    return click.option(
        "--score",
        type=click.Choice(SCORES),
        default=default,
        show_default=True,
        help="Mean or sum of weights, the weakest link, or the product of normalised weights.",
    )


def _sign(default: str) -> Callable[[F], F]:
    return click.option(
        "--sign",
        type=click.Choice(["promoting", "inhibiting", "any"]),
        default=default,
        show_default=True,
        help="Only paths that promote the target (an even number of negative weights), or only those that inhibit it.",
    )


score_option = _score("mean")
KIND = click.Choice([kind.value for kind in Kind])
pass_kind_option = click.option(
    "--kind", "kinds", type=KIND, multiple=True, help="Pass only nodes of this kind; repeatable."
)
# Which paths pictures, reports and comparisons show.
shown_score_option = _score(SHOWN_SCORE)
shown_paths_options = together(_hops(SHOWN_MIN_HOPS), shown_score_option, _sign(SHOWN_SIGN), pass_kind_option)
circuit_option = click.option(
    "--circuit", metavar="NAME", help="Use only tokens, logits and the nodes of this stored circuit."
)
# Which of the paths between two nodes are meant.
restriction_options = together(
    _sign("any"),
    pass_kind_option,
    click.option(
        "--layer",
        "layers",
        type=IntRange(),
        multiple=True,
        help="Pass only these layers, 5 or 5-10; repeatable.",
    ),
    click.option(
        "--position",
        "positions",
        type=IntRange(),
        multiple=True,
        help="Pass only these positions, -1 is the last; repeatable.",
    ),
    click.option(
        "--avoid",
        multiple=True,
        metavar="NODE",
        help="Do not visit this node, or a feature such as 20/44686 anywhere; repeatable.",
    ),
    click.option(
        "--must-pass",
        multiple=True,
        metavar="NODE",
        help="Pass this node, or a feature such as 20/44686 anywhere; repeatable: all of them.",
    ),
    click.option(
        "--must-pass-any", multiple=True, metavar="NODE", help="Pass one of these nodes or features; repeatable."
    ),
    click.option(
        "--min-weight",
        type=click.FloatRange(0),
        default=0.0,
        help="Follow only edges of this |weight| or more.",
    ),
    circuit_option,
)
edge_value_option = click.option(
    "--edge-value",
    metavar="EXPRESSION",
    help="Expression to score instead of the weight, for instance 'abs(weight) / input_sum'.",
)
FILE_PATH = click.Path(dir_okay=False)
