"""`demo`: two real graphs, from nothing to their strongest paths."""

from __future__ import annotations

import click

from circuit_atlas.cli.options import open_atlas, store_option


@click.command("demo")
@store_option
def demo_command(store: str | None) -> None:
    """Ingest two real graphs of Gemma-2-2B and show their statistics and strongest paths.

    "Fact: The capital of the state containing Dallas is" and the same of Oakland.

    \b
    Examples:
      circuit-atlas demo
    """
    from circuit_atlas.examples import example_graph

    with open_atlas(store) as atlas:
        for name, city, capital in (("dallas", "Dallas", "Austin"), ("oakland", "Oakland", "Sacramento")):
            graph = atlas.ingest(example_graph(name), name=name, replace=True)
            _heading(f"circuit-atlas stats {name}")
            click.echo(graph.stats())
            _heading(f"circuit-atlas paths {name} --from {city} --to {capital} --max-hops 3 -k 5")
            click.echo(graph.paths(sources=[city], targets=[capital], max_hops=3, k=5))
        _heading("circuit-atlas graphs")
        click.echo(atlas.graphs())
    click.echo("\nTo look at them: circuit-atlas view dallas --open")


def _heading(command: str) -> None:
    click.echo(f"\n$ {click.style(command, bold=True)}")
