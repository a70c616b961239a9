"""`doctor`: checks the installation, the local server and the database."""

from __future__ import annotations

import click

from circuit_atlas.cli.options import import_driver, json_or_table, print_result, store_option

GROUP = "Cypher and the server"


@click.command("doctor")
@json_or_table
@store_option
def doctor_command(store: str | None, output_format: str | None) -> None:
    """Check the installation, the local server and the database; exits with 3 if a check fails.

    Starts nothing and changes nothing.

    \b
    Examples:
      circuit-atlas doctor
    """
    import_driver()
    from circuit_atlas.store.doctor import diagnose

    print_result(diagnose(store), output_format)
