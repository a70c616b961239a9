"""`ingest`: stores the graphs of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, new_tags_option, reader_options
from circuit_atlas.cli.output import echo
from circuit_atlas.remote.addresses import addresses_in, is_address, shown_source

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.ingest.results import IngestResults
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"


@click.command("ingest")
@click.argument("files", type=click.Path(), nargs=-1, metavar="FILE...")
@click.option("--addresses", type=FILE_PATH, help="Text file of addresses, one on each line.")
@click.option("--name", help="Name of the graph, for one file only.  [default: the slug in the file, else its stem]")
@click.option("--replace", is_flag=True, help="Replace a graph of that name with different content.")
@new_tags_option
@reader_options
@click.option("--bulk", is_flag=True, help="Use Neo4j's offline importer, which rebuilds the local store.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first file that fails.")
@atlas_command
def ingest_command(
    atlas: Atlas,
    files: tuple[str, ...],
    addresses: str | None,
    name: str | None,
    bulk: bool,
    fail_fast: bool,
    **options: Any,
) -> Result:
    """Read attribution graphs from each FILE (.json, .json.gz or .pt), and from all in a folder, and store them.

    FILE can also be an address: the https address of such a file, a graph's page on Neuronpedia, or
    neuronpedia:MODEL/SLUG. What a page pins becomes the circuit 'pinned', what it groups becomes supernodes.

    Ingesting the same content again changes nothing: the same command resumes where an earlier one stopped. A graph
    becomes visible when it is complete. A file that fails does not stop the others; the exit code is then 1.

    \b
    Examples:
      circuit-atlas ingest examples/graphs/dallas.json --name dallas
      circuit-atlas ingest examples/graphs/dallas.json --name dallas --replace
      circuit-atlas ingest examples/analogies/air.json.gz examples/analogies/art.json.gz --tag analogies
    """
    if addresses is not None:
        files += tuple(addresses_in(Path(addresses)))
    if not files:
        raise click.UsageError("Name a FILE or an address.")
    is_folder = not is_address(files[0]) and os.path.isdir(files[0])
    if len(files) == 1 and not is_folder and not bulk:
        result = atlas.ingest(files[0], name=name, **options).ingested
        warn(shown_source(files[0]), result.warnings)
        return result
    if name is not None and (len(files) > 1 or is_folder):
        raise click.UsageError("--name is for one file.")
    results = atlas.ingest_all(files, fail_fast=fail_fast, bulk=bulk, name=name, **options)
    warn_of_all(results)
    return results


def warn_of_all(results: IngestResults) -> None:
    """Print the errors and warnings of several files to stderr."""
    for file in results.files:
        if file.error:
            named = file.error if file.error.startswith(file.file) else f"{file.file}: {file.error}"
            echo(f"Error: {named}", err=True)
        elif file.result:
            warn(file.file, file.result.warnings)


def warn(file: str, warnings: list[str]) -> None:
    """Print warnings to stderr."""
    for warning in warnings:
        echo(f"Warning: {file}: {warning}", err=True)
