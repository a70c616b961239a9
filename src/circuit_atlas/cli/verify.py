"""`verify`: compares stored graphs with what was ingested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, reader_options
from circuit_atlas.cli.questions import complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("verify")
@click.argument("graph", required=False, shell_complete=complete_graphs)
@click.argument("file", required=False, type=FILE_PATH)
@click.option("--repair", is_flag=True, help="Store again what is computed from a graph, where it is wrong.")
@reader_options
@atlas_command
def verify_command(atlas: Atlas, graph: str | None, file: str | None, **options: Any) -> Result:
    """Read GRAPH (all graphs if none is given) back whole and compare it with what was ingested, or with FILE.

    Compares counts, every property and every weight, and all that is computed from them: influence, scores, names,
    path tables, columns of edges. The exit code is 1 if something differs.

    \b
    Examples:
      circuit-atlas verify
      circuit-atlas verify dallas
      circuit-atlas verify dallas --repair
      circuit-atlas verify dallas examples/graphs/dallas.json
    """
    return atlas.verify(graph, file, **options)
