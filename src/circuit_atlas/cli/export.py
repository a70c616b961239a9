"""`export`: writes graphs to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import atlas_command, overwrite_option
from circuit_atlas.cli.questions import complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("export")
@click.argument("names", nargs=-1, metavar="[GRAPH FILE]", shell_complete=complete_graphs)
@click.option(
    "--import-files",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Instead, write graphs (by name or file; all by default) as Parquet for a server's offline importer.",
)
@click.option("--circuit", metavar="NAME", help="Pin the nodes of this circuit in a .json (`pinnedIds`).")
@overwrite_option
@atlas_command
def export_command(
    atlas: Atlas, names: tuple[str, ...], import_files: str | None, circuit: str | None, overwrite: bool
) -> Result:
    """Write a stored graph to FILE: .pt or .json of circuit-tracer, .graphml, .parquet.

    A graph from a .pt or .json comes out as it went in. A .parquet has the edges; the nodes go to a file beside it
    that ends in .nodes.parquet.

    \b
    Examples:
      circuit-atlas export dallas dallas.pt
      circuit-atlas export dallas dallas.graphml --overwrite
      circuit-atlas export --import-files to-import dallas night
    """
    if import_files is not None and (circuit is not None or overwrite):
        raise click.UsageError(
            "--circuit and --overwrite cannot be combined with --import-files, which needs a new folder."
        )
    if import_files is not None:
        return atlas.export_import_files(import_files, names)
    if len(names) != 2:
        raise click.UsageError("Give GRAPH and FILE, or --import-files FOLDER.")
    return atlas.export(names[0], names[1], overwrite=overwrite, circuit=circuit)
