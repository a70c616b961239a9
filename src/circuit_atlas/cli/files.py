"""`export`, `verify`, `backup` and `restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, complete_graphs, reader_options

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result

_FILE = click.Path(dir_okay=False)


@click.command("export")
@click.argument("names", nargs=-1, metavar="[GRAPH FILE]", shell_complete=complete_graphs)
@click.option(
    "--import-files",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Instead, write graphs (by name or file; all by default) as Parquet for a server's offline importer.",
)
@click.option("--overwrite", is_flag=True, help="Overwrite the file.")
@atlas_command
def export_command(atlas: Atlas, names: tuple[str, ...], import_files: str | None, overwrite: bool) -> Result:
    """Write a stored graph to FILE: .pt or .json of circuit-tracer, .graphml, .parquet.

    A graph from a .pt or .json comes out as it went in. A .parquet has the edges; the nodes go to a file beside it
    that ends in .nodes.parquet.

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
@atlas_command
def verify_command(atlas: Atlas, graph: str | None, file: str | None, **options: Any) -> Result:
    """Read GRAPH back whole (all graphs without one) and compare it with what was ingested, or with FILE.

    Compares counts, every property and every weight. The exit code is 1 if something differs.

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
@atlas_command
def backup_command(atlas: Atlas, file: str, overwrite: bool) -> None:
    """Write the whole local store to FILE with Neo4j's dump; the server is stopped meanwhile.

    \b
    Examples:
      circuit-atlas backup store.dump
    """
    atlas.backup(file, overwrite=overwrite)
    click.echo(f"Wrote {file}.", err=True)


@click.command("restore")
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Overwrite existing graphs.")
@atlas_command
def restore_command(atlas: Atlas, file: str, replace: bool) -> Result:
    """Restore the local store from backup FILE, all or nothing.

    \b
    Examples:
      circuit-atlas restore store.dump --store another-store
      circuit-atlas restore store.dump --replace
    """
    atlas.restore(file, replace=replace)
    return atlas.graphs()
