"""`score`: the scores of given paths."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import click

from circuit_atlas.cli.options import (
    atlas_command,
    edge_value_option,
    graph_or_collapsed,
    score_option,
)

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("score")
@graph_or_collapsed
@click.argument("nodes", nargs=-1)
@click.option("--file", type=click.File("r"), help="JSON list of paths, each a list of nodes; - for stdin.")
@score_option
@edge_value_option
@atlas_command
def score_command(
    atlas: Atlas, graph: str, nodes: tuple[str, ...], file: IO[str] | None, score: str, edge_value: str | None
) -> Result:
    """Score the path of GRAPH along NODES, from source to target.

    \b
    Examples:
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin --score product
      echo '[["Dallas", "Austin"]]' | circuit-atlas score dallas --file -
    """
    if bool(nodes) == bool(file):
        raise click.UsageError("Give the nodes of one path, or a file of paths with --file.")
    paths = [nodes] if file is None else _read_paths(file)
    return atlas.graph(graph).score(*paths, score=score, edge_value=edge_value)


def _read_paths(file: IO[str]) -> list[list[str]]:
    try:
        paths = json.load(file)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--file") from error
    is_list = isinstance(paths, list) and all(isinstance(path, list) for path in paths)
    if not is_list or not all(isinstance(node, str) for path in paths for node in path):
        raise click.BadParameter('not a list of paths such as [["Dallas", "Austin"]]', param_hint="--file")
    return paths  # type: ignore[no-any-return]
