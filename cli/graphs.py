"""`ingest`, `graphs` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from circuit_atlas.cli.options import asks, graph_argument

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.schema.answer import Answer


@click.command("ingest")
@click.argument("file", type=click.Path())
@click.option("--name", help="Name of the graph.  [default: the slug in the file, else its stem]")
@click.option("--replace", is_flag=True, help="Replace a graph of that name that has other content.")
@click.option(
    "--node-threshold", type=click.FloatRange(0, 1), help="Prune a .pt to nodes with this share of influence."
)
@click.option(
    "--edge-threshold", type=click.FloatRange(0, 1), help="Prune a .pt to edges with this share of influence."
)
@click.option("--model", help="The language model, where the file does not say.")
@click.option("--source-set", help="The set of transcoders, where the file does not say.")
@click.option("--tokenizer", help="Name or path of the tokenizer that turns a .pt's token ids into text.")
@asks
def ingest_command(atlas: Atlas, file: str, **options: object) -> Answer:
    """Read an attribution graph from FILE (.json or .pt) and store it.

    The same content again changes nothing. The graph becomes visible when it is complete.

    \b
    Examples:
      circuit-atlas ingest examples/graphs/dallas.json --name dallas
      circuit-atlas ingest examples/graphs/dallas.json --name dallas --replace
    """
    result = atlas.ingest(file, **options).ingested  # type: ignore[arg-type]
    assert result is not None
    for warning in result.warnings:
        click.echo(f"Warning: {file}: {warning}", err=True)
    return result


@click.command("graphs")
@asks
def graphs_command(atlas: Atlas) -> Answer:
    """List the graphs of the database.

    \b
    Examples:
      circuit-atlas graphs
      circuit-atlas graphs --json
    """
    return atlas.graphs()


@click.command("delete")
@graph_argument
@asks
def delete_command(atlas: Atlas, graph: str) -> None:
    """Delete a graph.

    \b
    Examples:
      circuit-atlas delete dallas
    """
    atlas.delete(graph)
    click.echo(f"Deleted {graph}.", err=True)
