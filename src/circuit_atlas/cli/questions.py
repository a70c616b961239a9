"""Which graphs a command is about: one, or each of several."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from circuit_atlas.cli.options import DEFAULT_ROWS, atlas_command, import_driver, together
from circuit_atlas.errors import AtlasError
from circuit_atlas.printable import printable
from circuit_atlas.schema.keys import collapsed_name

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.each import EachGraph
    from circuit_atlas.results.answer import Result


def complete_graphs(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of graphs, for shell completion; none if no server is running."""
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


graph_argument = click.argument("graph", shell_complete=complete_graphs)
_collapsed_option = click.option("--collapsed", is_flag=True, help="Use the graph collapsed by its supernodes.")


def graph_or_collapsed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument GRAPH, and `--collapsed`, which replaces it with GRAPH:collapsed."""

    @wraps(command)
    def run(*args: Any, graph: str, collapsed: bool, **kwargs: Any) -> Any:
        if collapsed:
            graph = collapsed_name(graph)
        return command(*args, graph=graph, **kwargs)

    return graph_argument(_collapsed_option(run))


class Several(NamedTuple):
    """The graphs that are asked instead of GRAPH."""

    names: tuple[str, ...]
    tags: tuple[str, ...]

    def of(self, atlas: Atlas) -> EachGraph:
        """These graphs of a database."""
        return atlas.each(*self.names, tags=self.tags)


class Question(click.Command):
    """A question about GRAPH; or, with `--tag` or `--graph`, about each of several graphs, and then without GRAPH."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Instead of several graphs, GRAPH is an empty text."""
        options = args[: args.index("--")] if "--" in args else args
        if not any(word.partition("=")[0] in ("--tag", "--graph") for word in options):
            return self._of_one_graph(ctx, args)
        try:
            return super().parse_args(ctx, ["", *args])
        except click.UsageError as error:
            if isinstance(error, click.BadParameter | click.NoSuchOption | click.BadOptionUsage):
                raise  # the error is not about GRAPH
            told = f"{error.format_message()} With --tag or --graph, leave out GRAPH."
            raise click.UsageError(told, ctx) from error

    def _of_one_graph(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            told = error.format_message()
            only_graph = sum(isinstance(parameter, click.Argument) for parameter in self.params) == 1
            if not (only_graph and told.startswith("Got unexpected extra argument")):
                raise
            raise click.UsageError(f"{told}. To ask several graphs, name each with --graph.", ctx) from error


def graph_or_several(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument GRAPH, and options for several graphs instead. See `question_command`."""

    @wraps(command)
    def run(*args: Any, graph: str, names: tuple[str, ...], tags: tuple[str, ...], **rest: Any) -> Any:
        return command(*args, graph=Several(names, tags) if names or tags else graph, **rest)

    options = together(
        click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="TAG",
            help="Instead of GRAPH: each graph with this tag, except aggregates and collapsed graphs; repeatable.",
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


def graph_collapsed_or_several(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `graph_or_several`, and `--collapsed`, which replaces GRAPH with GRAPH:collapsed."""

    @wraps(command)
    def run(*args: Any, graph: str | Several, collapsed: bool, **rest: Any) -> Any:
        if not collapsed:
            return command(*args, graph=graph, **rest)
        if isinstance(graph, Several):
            raise click.UsageError("--collapsed needs one GRAPH.")
        return command(*args, graph=collapsed_name(graph), **rest)

    return graph_or_several(_collapsed_option(run))


def question_command(command: Callable[..., Result]) -> Callable[..., None]:
    """As `atlas_command`, for a question about one graph, which can be put to each of several."""

    @wraps(command)
    def ask(atlas: Atlas, graph: str | Several, best_of_all: bool | None = None, **arguments: Any) -> Result:
        if isinstance(graph, str):
            if best_of_all is not None:
                raise click.UsageError(f"{'--best-of-all' if best_of_all else '--each'} needs --tag or --graph.")
            return command(atlas, graph, **arguments)
        if best_of_all and arguments["k"] is None and arguments.get("share") is not None:
            raise click.UsageError("--share cannot be combined with --best-of-all; say how many with -k.")
        nodes = arguments.get("nodes")
        first = nodes[0] if isinstance(nodes, tuple) and nodes else None
        if first is not None and any(summary.graph == first for summary in atlas.graphs()):
            raise click.UsageError(f"{first!r} is a graph. With --tag or --graph, leave out GRAPH.")
        answers = graph.of(atlas).ask(lambda one: command(atlas, one.name, **arguments))
        return answers.best(arguments["k"] or DEFAULT_ROWS) if best_of_all else answers

    return atlas_command(ask)


best_of_all_option = click.option(
    "--best-of-all/--each",
    default=None,
    help="With --tag or --graph: the best K of all graphs together, or of each (the default).",
)
some_graphs = click.argument("graphs", nargs=-1, metavar="[GRAPH...]", shell_complete=complete_graphs)
