"""`export`, `verify`, `backup` and `restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import asks, complete_graphs, reader_options

if TYPE_CHECKING:
    from circuit_atlas.answers import Answer
    from circuit_atlas.client import Atlas

_FILE = click.Path(dir_okay=False)


@click.command("export")
@click.argument("names", nargs=-1, metavar="[GRAPH FILE]", shell_complete=complete_graphs)
@click.option(
    "--import-files",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Instead, write graphs, by name or file, all by default, as Parquet for a server's offline importer.",
)
@click.option("--overwrite", is_flag=True, help="Overwrite the file.")
@asks
def export_command(atlas: Atlas, names: tuple[str, ...], import_files: str | None, overwrite: bool) -> Answer:
    """Write a stored graph to FILE: .pt or .json of circuit-tracer, .graphml, .parquet.

    What came from a .pt or .json comes out as it went in. A .parquet holds the edges; the nodes go to a file
    beside it that ends in .nodes.parquet.

    \b
    Examples:
      circuit-atlas export dallas dallas.pt
      circuit-atlas export dallas dallas.graphml --overwrite
      circuit-atlas export --import-files to-import dallas night
    """
    if import_files is not None:
        return atlas.export_import_files(import_files, names)
    if len(names) != 2:
        raise click.UsageError("Give GRAPH and FILE, or --import-files FOLDER.")
    return atlas.export(names[0], names[1], overwrite=overwrite)


@click.command("verify")
@click.argument("graph", required=False, shell_complete=complete_graphs)
@click.argument("file", required=False, type=_FILE)
@reader_options
@asks
def verify_command(atlas: Atlas, graph: str | None, file: str | None, **options: Any) -> Answer:
    """Read GRAPH back whole (all graphs without one) and compare it with what was ingested, or with FILE.

    Counts, every property and every weight. The exit code is 1 when something differs.

    \b
    Examples:
      circuit-atlas verify
      circuit-atlas verify dallas
      circuit-atlas verify dallas examples/graphs/dallas.json
    """
    return atlas.verify(graph, file, **options)


@click.command("backup")
@click.argument("file", type=_FILE)
@click.option("--overwrite", is_flag=True, help="Overwrite the file.")
@asks
def backup_command(atlas: Atlas, file: str, overwrite: bool) -> None:
    """Write the whole local store to FILE with Neo4j's dump; the server stops for as long as that takes.

    \b
    Examples:
      circuit-atlas backup store.dump
    """
    atlas.backup(file, overwrite=overwrite)
    click.echo(f"Wrote {file}.", err=True)


@click.command("restore")
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Lose the graphs that the store holds now.")
@asks
def restore_command(atlas: Atlas, file: str, replace: bool) -> Answer:
    """Give the local store what FILE, a backup, holds, all or nothing.

    \b
    Examples:
      circuit-atlas restore store.dump --store another-store
      circuit-atlas restore store.dump --replace
    """
    atlas.restore(file, replace=replace)
    return atlas.graphs()
