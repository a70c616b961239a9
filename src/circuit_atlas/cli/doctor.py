"""`doctor`: checks the installation, the local server and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import print_result, store_option

if TYPE_CHECKING:
    from circuit_atlas.store.doctor import Diagnosis

GROUP = "Cypher and the server"


@click.command("doctor")
@click.option("--json", "output_format", flag_value="json", help="Print JSON; the default in a pipe.")
@click.option("--table", "output_format", flag_value="table", help="Print a table; the default on a terminal.")
@store_option
@click.pass_context
def doctor_command(ctx: click.Context, store: str | None, output_format: str | None) -> None:
    """Check the installation, the local server and the database; exits with 3 if a check fails.

    Starts nothing and changes nothing.

    \b
    Examples:
      circuit-atlas doctor
    """
    from circuit_atlas.store.doctor import diagnose

    found: Diagnosis = diagnose(store)
    print_result(found, output_format)
    if not found.healthy:
        ctx.exit(3)
