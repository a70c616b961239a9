"""`demo`: real graphs, from nothing to their strongest paths and to what they share."""

from __future__ import annotations

import click

from circuit_atlas.cli.options import open_atlas, store_option
from circuit_atlas.cli.output import echo
from circuit_atlas.errors import GraphExistsError

GROUP = "Cypher and the server"


@click.command("demo")
@store_option
def demo_command(store: str | None) -> None:
    """Store six real graphs of Gemma-2-2B, and ask about one of them and about five together.

    "Fact: The capital of the state containing Dallas is": its statistics and strongest paths. Five analogies, such as
    "The saying goes: Sun is to day as moon is to": the features that all of them have and Dallas does not.

    \b
    Examples:
      circuit-atlas demo
    """
    from circuit_atlas.examples import ANALOGIES, example_graph

    with open_atlas(store, timeout=300) as atlas:  # a new server compiles its first queries, on any machine
        try:
            dallas = atlas.ingest(example_graph("dallas"), name="dallas")
            for name in ANALOGIES:
                atlas.ingest(example_graph(name), name=name, tags=["analogies"])
        except GraphExistsError as error:  # of somebody who has used this name
            raise GraphExistsError(error.what, fix="`circuit-atlas demo --store DIR` uses another store.") from error
        _heading("graphs")
        echo(str(atlas.graphs()))
        _heading("stats dallas")
        echo(str(dallas.stats()))
        _heading("paths dallas --from Dallas --to Austin --max-hops 3 -k 5")
        echo(str(dallas.paths(sources=["Dallas"], targets=["Austin"], max_hops=3, k=5)))
        _heading("features only --tag analogies --not dallas -k 5")
        echo(str(atlas.only_features(tags=["analogies"], without=["dallas"], k=5)))
        _heading("features show 25/288")  # the one of them that acts on the answers
        echo(str(atlas.feature("25/288")))
    echo("\nTo look at the graph in Neo4j Browser: circuit-atlas browse dallas")


def _heading(command: str) -> None:
    echo("\n$ ", nl=False)
    click.secho(f"circuit-atlas {command}", bold=True)
