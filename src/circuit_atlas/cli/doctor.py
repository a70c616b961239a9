"""`doctor`: what is there, what is not, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import emit, store_option

if TYPE_CHECKING:
    from circuit_atlas.store.doctor import Diagnosis


@click.command("doctor")
@click.option("--json", "form", flag_value="json", help="Print JSON; the default in a pipe.")
@click.option("--table", "form", flag_value="table", help="Print a table; the default on a terminal.")
@store_option
@click.pass_context
def doctor_command(ctx: click.Context, store: str | None, form: str | None) -> None:
    """Check the installation, the local server and the database; exits 3 when something needs mending.

    Starts nothing and changes nothing.

    \b
    Examples:
      circuit-atlas doctor
    """
    from circuit_atlas.store.doctor import diagnose

    found: Diagnosis = diagnose(store)
    emit(found, form)
    if not found.healthy:
        ctx.exit(3)
