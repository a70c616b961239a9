"""`score`: the scores of given paths."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, cast

import click

from circuit_atlas.cli.path_options import edge_value_option, score_option
from circuit_atlas.cli.questions import Question, graph_collapsed_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


def _read_paths(_ctx: click.Context, _parameter: click.Parameter, file: IO[str] | None) -> list[list[str]] | None:
    """The paths in a file."""
    if file is None:
        return None
    try:
        paths = json.load(file)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not JSON: {error!s:.200}") from error
    is_list = isinstance(paths, list) and all(isinstance(path, list) for path in paths)
    if not is_list or not all(isinstance(node, str) for path in paths for node in path):
        raise click.BadParameter('not a list of paths such as [["Dallas", "Austin"]]')
    return cast("list[list[str]]", paths)


@click.command("score", cls=Question)
@graph_collapsed_or_several
@click.argument("nodes", nargs=-1)
@click.option(
    "--file",
    "paths",
    type=click.File("r"),
    callback=_read_paths,
    help="JSON list of paths, each a list of nodes; - for stdin.",
)
@score_option
@edge_value_option
@question_command
def score_command(
    atlas: Atlas, graph: str, nodes: tuple[str, ...], paths: list[list[str]] | None, score: str, edge_value: str | None
) -> Result:
    """Score the path of GRAPH along NODES, from source to target.

    \b
    Examples:
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin --score product
      echo '[["Dallas", "Austin"]]' | circuit-atlas score dallas --file -
    """
    if bool(nodes) == (paths is not None):
        raise click.UsageError("Give the nodes of one path, or a file of paths with --file.")
    return atlas.graph(graph).score(*([nodes] if paths is None else paths), score=score, edge_value=edge_value)
