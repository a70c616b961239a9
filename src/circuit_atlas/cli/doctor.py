"""`doctor`: checks the installation, the local server and the database."""

from __future__ import annotations

import click

from circuit_atlas.cli.options import import_driver, json_or_table, open_atlas, store_option
from circuit_atlas.cli.output import print_result

GROUP = "Cypher and the server"


@click.command("doctor")
@click.option(
    "--fix", is_flag=True, help="First upgrade the store, and make columns of edges that are missing or damaged."
)
@json_or_table
@store_option
def doctor_command(fix: bool, store: str | None, output_format: str | None) -> None:
    """Check the installation, the local server and the database; exits with 3 if a check fails.

    Without --fix it starts nothing and changes nothing.

    \b
    Examples:
      circuit-atlas doctor
      circuit-atlas doctor --fix
    """
    import_driver()
    if fix:
        with open_atlas(store) as atlas:
            atlas.make_columns()
    from circuit_atlas.store.doctor import diagnose

    print_result(diagnose(store), output_format)
