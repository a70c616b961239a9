"""Common parts of commands: the open database, the form of the answer, and options that several have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from circuit_atlas.cli.output import check_rows, echo, print_result
from circuit_atlas.schema.limits import ALIGNMENTS, DEFAULT_TIMEOUT, MAX_NEIGHBORS, MEASURES, SIMILAR_BY
from circuit_atlas.suggestions import did_you_mean

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

F = TypeVar("F", bound=Callable[..., Any])


def given_options(*names: str) -> list[str]:
    """Those of some options of the command that were given, whatever their values: `--max-nodes` of `max_nodes`."""
    source = click.get_current_context().get_parameter_source
    return [f"--{name.replace('_', '-')}" for name in names if source(name) not in (None, ParameterSource.DEFAULT)]


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
        help="Directory of the local store, even if NEO4J_URI is set.  "
        "[default: CIRCUIT_ATLAS_STORE, unless NEO4J_URI is set]",
    )
    return option(command)


json_or_table = together(
    click.option("--json", "output_format", flag_value="json", help="Print JSON; the default in a pipe."),
    click.option("--table", "output_format", flag_value="table", help="Print a table; the default on a terminal."),
)
format_options = together(
    json_or_table,
    click.option("--csv", "output_format", flag_value="csv", help="Print data as CSV: a row for each item."),
    click.option("--rows", metavar="KIND", help="With --csv: which kind of item to print, if the answer has several."),
)
# How a graph file is read: thresholds, and what the file does not name.
reader_options = together(
    click.option(
        "--node-threshold",
        type=click.FloatRange(0, 1),
        help="Prune a .pt to the nodes that carry this share of the influence.",
    ),
    click.option(
        "--edge-threshold",
        type=click.FloatRange(0, 1),
        help="Prune a .pt to the edges that carry this share of the influence.",
    ),
    click.option("--model", help="The language model, whatever the file says."),
    click.option("--source-set", help="The set of transcoders, whatever the file says."),
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
        _refuse_empty_texts(click.get_current_context())
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


def _texts(value: Any) -> list[Any]:
    """The parts of an option's value: several if it is repeatable, or has several parts, as `--weight NODE X`."""
    return [text for part in value for text in _texts(part)] if isinstance(value, tuple) else [value]


def _refuse_empty_texts(ctx: click.Context) -> None:
    """Refuse an option that is given an empty text, such as that of an unset shell variable: it would ask
    about more than was meant."""
    for option in ctx.command.params:
        value = ctx.params.get(option.name or "")
        is_given = ctx.get_parameter_source(option.name or "") is click.core.ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and is_given and "" in _texts(value):
            raise click.UsageError(f"{option.opts[-1]} is an empty text. Leave it out, or give a value.", ctx)


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


def complete_queries(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the catalogue's queries, for shell completion."""
    from circuit_atlas.queries.catalogue import public_queries

    return [query.id for query in public_queries() if query.id.startswith(incomplete)]


# Options and arguments that several commands have.
DEFAULT_ROWS = 20
new_tags_option = click.option("--tag", "tags", multiple=True, help="Give the graphs this tag; repeatable.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Overwrite the file.")
tags_option = click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="All graphs with this tag, except aggregates and collapsed graphs; repeatable.",
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


def align_option(default: str | None = "feature", help_text: str = "") -> Callable[[F], F]:
    """How nodes of several graphs are aligned.

    Args:
        default: None where it matters whether the option was given.
        help_text: what the help says before how positions are counted.
    """
    counted = "count positions from the end of the prompt, from its start, or not at all."
    text = f"{help_text} {counted}" if help_text else counted.capitalize()
    return click.option(
        "--align",
        type=click.Choice(ALIGNMENTS),
        default=default,
        show_default=True,
        help=text if default else f"{text}  [default: feature]",  # click would put brackets around such a default
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
    align_option(),
)
FILE_PATH = click.Path(dir_okay=False)
