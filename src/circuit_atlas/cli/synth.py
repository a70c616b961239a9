"""`synth`: synthetic attribution graphs."""

from __future__ import annotations

from typing import Any

import click

from circuit_atlas.cli.options import FILE_PATH, format_options, given_options, overwrite_option
from circuit_atlas.cli.output import check_rows, print_result
from circuit_atlas.schema.limits import SYNTHETIC_WEIGHTS

GROUP = "Cypher and the server"


@click.command("synth")
@click.argument("file", type=FILE_PATH)
@click.option("--layers", type=click.IntRange(1), default=6, show_default=True, help="Layers of the model.")
@click.option("--positions", type=click.IntRange(1), default=8, show_default=True, help="Positions of the prompt.")
@click.option(
    "--features-per-layer", type=click.IntRange(0), default=40, show_default=True, help="Features of each layer."
)
@click.option("--logits", type=click.IntRange(1), default=5, show_default=True, help="Logits.")
@click.option(
    "--density", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Share of possible effects."
)
@click.option(
    "--weights",
    type=click.Choice(SYNTHETIC_WEIGHTS),
    default="lognormal",
    show_default=True,
    help="Distribution of the weights.",
)
@click.option(
    "--simple", is_flag=True, help="One node per layer and position, and a sink; also print the number of paths."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random numbers.")
@overwrite_option
@format_options
def synth_command(file: str, overwrite: bool, output_format: str | None, rows: str | None, **shape: Any) -> None:
    """Write a synthetic attribution graph to FILE (.pt or .json), in the shape of circuit-tracer's.

    \b
    Examples:
      circuit-atlas synth small.json
      circuit-atlas synth large.pt --layers 26 --positions 11 --features-per-layer 95
      circuit-atlas synth simple.json --simple --layers 25 --positions 10
    """
    from circuit_atlas.synth import Shape, write_synthetic

    check_rows(output_format, rows)
    if shape["simple"] and (ignored := given_options("features_per_layer", "logits", "density")):
        raise click.UsageError(f"{ignored[0]} has no effect with --simple.")
    made = write_synthetic(file, Shape(**shape), overwrite=overwrite)
    print_result(made, output_format, rows)
