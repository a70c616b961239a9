"""`mcp`: answers agents."""

from __future__ import annotations

import click

from circuit_atlas.cli.options import store_option
from circuit_atlas.schema.limits import DEFAULT_TIMEOUT

GROUP = "Cypher and the server"


@click.command("mcp")
@click.option("--allow-write", is_flag=True, help="Let agents label, tag, group, and store circuits.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_TIMEOUT,
    show_default=True,
    help="Seconds after which the server stops a query.",
)
@store_option
def mcp_command(allow_write: bool, timeout: float, store: str | None) -> None:
    """Answer agents over the Model Context Protocol (MCP), on standard input and output.

    Programs such as Claude Code, Cursor and VS Code start this command by themselves. Agents can read, in bounded
    answers, and change nothing unless --allow-write is given. Needs the extra 'mcp'.

    \b
    Examples:
      circuit-atlas mcp --help
    """
    from circuit_atlas.cli.agents import agent_server
    from circuit_atlas.client import Atlas

    with Atlas(store=store, timeout=timeout) as atlas:
        agent_server(atlas, allow_write=allow_write).run("stdio")
